"""Workers whose side of the channel is played by a test."""

from collections.abc import Callable
import socket
from typing import Any

import gevent.socket

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
