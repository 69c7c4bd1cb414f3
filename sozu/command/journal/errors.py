"""Why a journal cannot be used."""

from pathlib import Path


class JournalError(Exception):
    """The journal cannot be used; nothing was loaded from it and nothing written to it."""


class JournalLocked(JournalError):
    """Another master holds the journal: `pid`, if it could be found out."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = f"pid {pid}" if pid is not None else "another process"
        super().__init__(f"{path} is in use by {who}: two masters cannot share a journal (give one another `journal`)")
        self.path, self.pid = path, pid


class JournalDamaged(JournalError):
    """A line that makes no sense, and it is not a torn last one."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: damaged: {why}")
        self.path, self.line, self.why = path, line, why


class JournalUnusable(JournalError):
    """The path is not a file that may hold a journal."""
