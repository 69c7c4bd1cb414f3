"""Who asks for a change: what the journal keeps of it, for `log` and for the one who wonders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

# It stands in each record of the journal and in each row of `log`:
# an `apply` with a thousand arguments is not to fill either.
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
        # The kernel has noted who the peer was when it connected; what that process
        # is called can only be read now, when it may be gone and its pid another's.
        # So this is a hint for people. Who may come in was decided by the uid alone.
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            words = b""
        # Arguments may be any bytes, and the journal is JSON: one program's odd name must not make a record that cannot
        # be written.
        return cls(uid, pid, words.replace(b"\0", b" ").decode("utf-8", "replace").strip()[:LONGEST_COMMAND])
