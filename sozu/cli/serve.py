"""`sozu serve`: the master. Only the command line is read here; `processes.starting` has the rest, and takes its time to import.

Meanwhile the first workers import what they need: they are born before it is known what they shall do.
"""

import gc
from importlib import import_module
import os
from pathlib import Path
import re
from typing import Final

import click

from sozu.birth import born_ahead
from sozu.cli.options import socket_option

LISTEN: Final = "127.0.0.1:8080"
MOST_WORKERS: Final = 1024  # as in the file
_USUAL: Final = 2  # workers, where nothing else is said
# Read as bytes by one expression, since YAML would first have to be imported, and a large file takes a second. Who writes it in another way
# gets the usual number born, and nothing worse.
_WORKERS: Final = re.compile(rb"^workers: *([0-9]{1,2})\b", re.MULTILINE)


@click.command()
@click.argument("strays", nargs=-1, metavar="")
@click.option("-c", "--config", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The configuration file.")
@click.option("--apply", "file_wins", is_flag=True, help="Let the file win over the journal.")
@click.option("--demo", is_flag=True, help="Start two small backends and route to them.")
@click.option("--to", "routes", metavar="[HOST=]ADDRESS", multiple=True, help="A backend, for every host or for one; may be repeated.")
@click.option("--listen", metavar="ADDRESS", help=f"Where to accept when there is no file; else {LISTEN}.")
@click.option("--workers", type=click.IntRange(1, MOST_WORKERS), metavar="N", help="Processes that move the traffic, whatever the journal says; else as the file says, or 2.")
@socket_option
def serve(
    strays: tuple[str, ...], file: Path | None, routes: tuple[str, ...], listen: str | None, workers: int | None, *, file_wins: bool, demo: bool
) -> None:
    """
    Start the proxy and stay in the foreground as its master.

    \b
    Examples:
      sozu serve --demo
      sozu serve --to 127.0.0.1:9001
      sozu serve --to blog.example.com=127.0.0.1:9001 --to 127.0.0.1:9002
      sozu serve -c sozu.yaml --workers 4
    """
    # Taken as arguments only to be refused: `sozu serve FILE` is what one tries first, and click would say "unexpected extra argument".
    if strays:
        raise click.UsageError(f"a configuration file is named with -c: sozu serve -c {strays[0]}. Nothing was started.")
    _refuse_contradictions(file, routes, listen, file_wins=file_wins, demo=demo)
    gc.disable()  # what is built at the start stays; the master turns it on again
    # Before anything is known to be right: if the start is refused, they end with the block, and nobody has noticed them.
    with born_ahead(min(workers or _likely_workers(file), _idle_cores())) as born:
        start = import_module("sozu.cli.processes.starting").start  # while the workers that were just born import theirs
        code = start(file, routes, listen or LISTEN, workers, born, file_wins=file_wins, demo=demo)
    click.get_current_context().exit(code)


def _refuse_contradictions(
    file: Path | None, routes: tuple[str, ...], listen: str | None, *, file_wins: bool, demo: bool
) -> None:
    # A file says its listeners and routes itself; whichever of both won, the other would be ignored in silence.
    if file is not None and (routes or demo or listen):
        raise click.UsageError("--to, --demo and --listen are for a start without a file. Nothing was started.")
    # What would win is the configuration of no file: one listener and no route in place of all that the journal holds.
    if file is None and file_wins:
        raise click.UsageError("--apply lets a file win: name it with -c. Nothing was started.")


def _idle_cores() -> int:
    """Those that we do not need ourselves: a worker that has to share ours would be ready later, and so would we."""
    # The cores that we may use, of which a container or `taskset` leaves fewer than the machine has.
    return max(1, len(os.sched_getaffinity(0)) - 1)


def _likely_workers(file: Path | None) -> int:
    """How many there will be, at a glance: whoever is too many is ended again, who is missing is started later."""
    found = _WORKERS.search(file.read_bytes()) if file is not None and file.is_file() else None  # a pipe can be read but once
    return _USUAL if found is None else int(found[1])
