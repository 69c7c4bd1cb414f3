"""A master whose workers are scripted: `serve_scripted.py CONFIGURATION_FILE [--apply] [--full] [--impatient] [worker's manners]`.

The code that follows it in an upgrade is this file again, with `heir` before the rest; it is as bad as the file `new_code` in the
configuration's folder says: it may crash, exit or hang at its start, be there for the trial only (`vanish`), or have a worker that is not understood (`bad-worker`).

What was announced is printed as one line of JSON (with `--full`, standard output takes no more after it); the exit code is that of `serve`, 3 when it could not start. With
`--impatient` it waits only a moment for a worker to confirm, or for new code to be ready.
"""

from collections.abc import Sequence
import errno
import gc
import json
import os
from pathlib import Path
import signal
import sys

from sozu.command.config import load_configuration
from sozu.master import CannotStart, Programs, Started, perform, publication, read_estate, serve, succeed
from sozu.master.succession import trial
from sozu.master.workers import leaving

WORKER = str(Path(__file__).with_name("scripted_worker.py"))


def announce(started: Started) -> None:
    told = {name: getattr(started, name) for name in ("pid", "command_socket", "revision")}
    listeners = [listener.address for listener in started.listeners]
    sys.stdout.write(json.dumps({**told, "listeners": listeners, "difference": len(started.difference)}) + "\n")
    sys.stdout.flush()
    if "--full" in sys.argv:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


OWN_MANNERS = ("--apply", "--full", "--impatient")

# The tests wait for workers that are late on purpose; where they are not, a busy machine must not make them so.
leaving.EXIT_PATIENCE = 0.5
if "--impatient" in sys.argv:
    publication.PATIENCE = 0.5
    trial.PATIENCE = 2.0  # a test asks something meanwhile


def programs(file: str, manners: Sequence[str]) -> Programs:
    worker = [sys.executable, WORKER, *(manner for manner in manners if manner not in OWN_MANNERS)]
    return Programs(worker, [str(heir_of(file)), file, *manners])


def heir_of(file: str) -> Path:
    """The code on disk: a program of its own, so that it can vanish."""
    return Path(file).with_name("heir")


def put_on_disk(file: str) -> None:
    heir_of(file).write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} heir "$@"\n')
    heir_of(file).chmod(0o700)


def main(file: str, *manners: str) -> int:
    put_on_disk(file)
    try:
        return serve(load_configuration(file), programs(file, manners), file_wins="--apply" in manners, announce=announce)
    except CannotStart as why:
        sys.stdout.write(json.dumps({"why": str(why)}) + "\n")
        return 3


def heir(file: str, *arguments: str) -> int:
    *manners, part, descriptor = arguments
    new_code = Path(file).with_name("new_code")
    match new_code.read_text() if new_code.exists() else "":
        case "crash":
            raise RuntimeError("new code")
        case "exit":
            return 0
        case "hang":
            signal.pause()
        case "vanish" if part == "--trial":
            heir_of(file).unlink()
        case "bad-worker":
            manners.append("--other-schema")
    if part == "--trial":
        return perform(int(descriptor), programs(file, manners).worker)
    return succeed(read_estate(int(descriptor)), programs(file, manners))


if __name__ == "__main__":
    code = heir(*sys.argv[2:]) if sys.argv[1] == "heir" else main(*sys.argv[1:])
    sys.stderr.write(f"ended with the collector {'on' if gc.isenabled() else 'off'}\n")
    sys.exit(code)
