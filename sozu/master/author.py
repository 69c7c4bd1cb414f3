"""Who asks for a change: what the journal keeps of it, for `log` and for the one who wonders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

LONGEST_COMMAND = 200  # characters


@dataclass(frozen=True, slots=True)
class Author:
    """A process at the other end of the command socket, or the master itself at its start, when it speaks for its file."""

    uid: int
    pid: int
    command: str
    from_file: bool = False

    @classmethod
    def of(cls, pid: int, uid: int) -> Self:
        """With the command line that this process has now; none if it is gone already."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            words = b""
        return cls(uid, pid, words.replace(b"\0", b" ").decode("utf-8", "replace").strip()[:LONGEST_COMMAND])
