"""What a fault must leave as it was: the workers themselves, their descriptors, their memory, and a log without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from tests.e2e.asking import get
from tests.e2e.processes import LIMIT, Proxy
from tests.procfs import descriptors, resident_bytes

GROWTH = 4_000_000  # bytes: what is made at first use, and what the allocator keeps


@contextmanager
def unharmed(proxy: Proxy, growth: int = GROWTH, *, path: str = "/name", host: str = "any.example") -> Iterator[list[int]]:
    """The workers' pids. Ends when their descriptors are back, and fails if they never are; pooled connections should be short-lived."""
    get(proxy.port, path, host)
    before = {pid: (descriptors(pid), resident_bytes(pid)) for pid in proxy.worker_pids()}
    yield list(before)
    until = monotonic() + LIMIT
    assert proxy.worker_pids() == list(before), "a worker was replaced"
    while any(descriptors(pid) > count for pid, (count, _) in before.items()):
        assert monotonic() < until, {pid: (descriptors(pid), count) for pid, (count, _) in before.items()}
        assert proxy.status()["workers"]
    grown = {pid: resident_bytes(pid) - memory for pid, (_, memory) in before.items()}
    assert max(grown.values()) < growth, grown
    assert not [line for line in proxy.lines.so_far() if "Traceback" in line]
