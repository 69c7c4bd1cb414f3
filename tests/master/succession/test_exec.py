"""What may go wrong on the way to the next program, and leaves the master as it was."""

import errno
import io
import os
import socket
import sys
from typing import Any, NoReturn

import pytest

from sozu.master.succession import exec as exec_module
from sozu.master.succession.estate import WorkerLeft
from sozu.master.succession.exec import become
from sozu.master.succession.inheriting import _worker
from sozu.master.workers.roster import WorkerState


class Full(io.StringIO):
    """Standard output on a disk without room."""

    def flush(self) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Nothing:
    """An estate without anything in it."""

    def descriptors(self) -> tuple[int, ...]:
        return ()


def test_an_estate_that_cannot_be_written_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_: object) -> NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(exec_module, "write_estate", write)
    estate: Any = Nothing()

    assert become(["/nonexistent"], estate).errno == errno.EMFILE


def test_output_that_nobody_takes_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_module, "write_estate", lambda _: os.open(os.devnull, os.O_RDONLY))
    monkeypatch.setattr(sys, "stdout", Full())
    estate: Any = Nothing()

    assert become(["/nonexistent"], estate).errno == errno.ENOENT


def test_a_worker_that_was_no_child_of_ours_and_has_ended_meanwhile_is_left_out() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", ""], {})
    os.waitpid(pid, 0)
    ours, theirs = socket.socketpair()
    left = WorkerLeft(slot=0, pid=pid, state=WorkerState.RUNNING, since=0.0, leave_by=None, channel=ours.detach(), unread=b"", next_id=1)

    assert _worker(left) is None
    with theirs:
        assert theirs.recv(1) == b""
