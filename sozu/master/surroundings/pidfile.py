"""A file with the master's pid, for supervisors that want one. It stays right through upgrades, which keep the pid.

It says who is the master; what keeps two apart is the journal's lock.
"""

from contextlib import suppress
import os
from pathlib import Path


def write(path: str | None) -> None:
    """Say that it is us, where somebody wants to know. Raises OSError."""
    if path is not None:
        Path(path).write_text(f"{os.getpid()}\n", "ascii")


def remove(path: str | None) -> None:
    """We are it no more; a file that names somebody else is his."""
    # This runs as the process ends, for whatever reason: a file that cannot be removed must not take the place of that.
    with suppress(OSError):
        if path is not None and Path(path).read_text("ascii").strip() == str(os.getpid()):
            Path(path).unlink()
