from collections.abc import Iterator
import fcntl
import json
import os
from pathlib import Path

import pytest

from sozu.command.settings import LogFormat
from sozu.proxy.access_log import AccessLog, NoLog
from sozu.proxy.counters import Counters
from sozu.proxy.entry import Entry, Texts


def entry(request_id: object) -> Entry:
    return Entry(str(request_id).encode(), 1, b"", Texts(), 200, 1.0, None, None, 1.0, None, None, 0, 0, 0, None)


def writable(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def ids(path: Path) -> list[str]:
    return [json.loads(line)["request_id"] for line in path.read_text().splitlines()]


def test_lines_are_written_in_order_when_the_log_closes(tmp_path: Path) -> None:
    path, counters = tmp_path / "log", Counters()
    log = AccessLog(writable(path), LogFormat.JSON, counters)
    for number in range(1000):
        log.record([entry(number)])
    log.close(10)
    assert ids(path) == [str(number) for number in range(1000)]
    assert counters.log_lines_dropped == 0


def test_many_entries_at_once_make_one_line_each(tmp_path: Path) -> None:
    log = AccessLog(writable(tmp_path / "log"), LogFormat.COMBINED, Counters())
    log.record([entry(number) for number in range(700)])
    log.close(10)
    assert (tmp_path / "log").read_text().count("\n") == 700


def test_a_new_descriptor_gets_what_is_recorded_afterwards(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    log = AccessLog(writable(old), LogFormat.JSON, Counters())
    log.record([entry("before")])
    log.reopen(writable(new))
    log.record([entry("after")])
    log.close(10)
    assert (ids(old), ids(new)) == (["before"], ["after"])


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that nobody reads, one page large; its two ends."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    os.close(reader)


def drain_pipe(reader: int) -> int:
    lines = 0
    while data := os.read(reader, 65536):
        lines += data.count(b"\n")
    return lines


@pytest.mark.parametrize("blocking", [True, False])
def test_a_blocked_target_costs_lines_and_never_time(full_pipe: tuple[int, int], blocking: bool) -> None:  # noqa: FBT001
    reader, writer = full_pipe
    os.set_blocking(writer, blocking)
    counters = Counters()
    log = AccessLog(writer, LogFormat.JSON, counters)
    for number in range(20_000):
        log.record([entry(number)])
    log.close(0)
    assert counters.log_lines_dropped > 10_000
    assert drain_pipe(reader) == 20_000 - counters.log_lines_dropped


def test_a_target_that_fails_counts_its_lines() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    counters = Counters()
    log = AccessLog(writer, LogFormat.JSON, counters)
    log.record([entry("lost")])
    log.close(10)
    log.flush()
    assert counters.log_lines_dropped == 1


def test_no_log_takes_everything() -> None:
    log = NoLog()
    log.record([entry("x")])
    log.flush()
    log.close(0)
