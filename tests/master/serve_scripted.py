"""A master whose workers are scripted: `serve_scripted.py FOLDER CONFIGURATION_FILE [--apply] [--full] [worker's manners]`.

What was announced is printed as one line of JSON (with `--full`, standard output takes no more after it); the exit code is that of `serve`, 3 when it could not start.
"""

import errno
import json
import os
from pathlib import Path
import sys

from sozu.command.config import load_configuration
from sozu.master import CannotStart, Started, publication, serve
from sozu.master.workers import leaving

WORKER = str(Path(__file__).with_name("scripted_worker.py"))


def announce(started: Started) -> None:
    told = {name: getattr(started, name) for name in ("pid", "command_socket", "revision", "listeners")}
    sys.stdout.write(json.dumps({**told, "difference": len(started.difference)}) + "\n")
    sys.stdout.flush()
    if "--full" in sys.argv:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# The tests wait for workers that are late on purpose.
publication.PATIENCE = leaving.EXIT_PATIENCE = 0.5


def main(file: str, *manners: str) -> int:
    command = [sys.executable, WORKER, *(manner for manner in manners if manner not in ("--apply", "--full"))]
    try:
        return serve(load_configuration(file), command, file_wins="--apply" in manners, announce=announce)
    except CannotStart as why:
        sys.stdout.write(json.dumps({"why": str(why)}) + "\n")
        return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
