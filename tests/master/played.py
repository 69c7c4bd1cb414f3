"""Workers whose side of the channel is played by a test."""

from collections.abc import Callable
import errno
import os
import socket
from typing import Any

import gevent.socket
import pytest

from sozu.command.answers import Status
from sozu.command.channel import Channel, channel_to_master, channel_to_worker
from sozu.command.worker_protocol import FromMaster, Reply
from sozu.master.workers.link import WorkerLink
from sozu.master.workers.roster import Worker


class Nobody:
    """A process that is not asked anything here."""

    pid = 4711


class Played:
    """A worker whose side of the channel the test plays."""

    def __init__(self, slot: int) -> None:
        ours, theirs = socket.socketpair()
        self.link = WorkerLink(channel_to_worker(gevent.socket.socket(fileno=ours.detach())))
        nobody: Any = Nobody()
        self.replaced: list[str] = []
        self.worker = Worker(slot, nobody, self.link, replace=self.replaced.append)
        self.channel: Channel[FromMaster] = channel_to_master(gevent.socket.socket(fileno=theirs.detach()))

    def heard(self) -> FromMaster:
        return self.channel.receive()[0]

    def reply(self, number: int, status: Status = Status.OK, **fields: Any) -> None:
        self.channel.send(Reply(id=number, status=status, **fields))

    def close(self) -> None:
        self.link.close()
        self.channel.close()


Play = Callable[[], Played]


def give_duplicates(monkeypatch: pytest.MonkeyPatch, *given: bool) -> None:
    """Of the next calls of os.dup these are given what they want; no descriptor is free for the others."""
    dup, calls = os.dup, iter(given)

    def duplicate(number: int) -> int:
        if not next(calls):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return dup(number)

    monkeypatch.setattr(os, "dup", duplicate)
