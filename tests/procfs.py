"""What /proc tells of a process."""

import os
from pathlib import Path


def descriptors(pid: int | None = None) -> int:
    """How many it has open; without a pid, this process."""
    return sum(1 for _ in Path("/proc", str(pid or "self"), "fd").iterdir())


def resident_bytes(pid: int) -> int:
    """Resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Processor time that it has used."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
