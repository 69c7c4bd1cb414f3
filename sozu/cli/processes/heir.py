"""`sozu heir`: the master that follows another one in an upgrade; started by that one, not by hand.

With `--trial FD` it shows that this code could, and answers on that socket; with `--estate FD` it takes over what is listed in
that file, in the very process.
"""

import argparse
from collections.abc import Sequence
import shutil

from sozu.cli.processes.programs import PROGRAMS
from sozu.master import perform, read_estate, succeed


def main(arguments: Sequence[str]) -> int:
    """Play one of both parts; the exit code."""
    # argparse, and not click as elsewhere: a master calls this and nobody else, and after its exec nobody answers tools until all is imported.
    parser = argparse.ArgumentParser(prog="sozu heir", description="Started by a master in an upgrade, not by hand.")
    part = parser.add_mutually_exclusive_group(required=True)
    part.add_argument("--trial", type=int, metavar="FD")
    part.add_argument("--estate", type=int, metavar="FD")
    chosen = parser.parse_args(arguments)
    if chosen.trial is not None:
        return perform(chosen.trial, PROGRAMS.worker)
    estate = read_estate(chosen.estate)
    code = succeed(estate, PROGRAMS)
    # The block that made them (`_of_this_run`) is of a program that this one has replaced: its end never comes, so it is made up for here.
    for folder in estate.belongings.folders:
        shutil.rmtree(folder, ignore_errors=True)
    return code
