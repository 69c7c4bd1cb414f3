"""A worker that speaks the protocol and proxies nothing: each connection is told which worker took it, then closed.

It does what orders' names ask for: adding the cluster "be-late" is never confirmed, "refuse" is refused, "crash" ends it.
A watched backend has two exchanges, then one; they end when the metrics are asked for. Flags before --channel set its manners.
"""

import argparse
from collections.abc import Sequence
import errno
from functools import partial
import os
import selectors
import socket
import sys

from sozu import __version__
from sozu.command.answers import Status
from sozu.command.channel import ChannelClosed, channel_to_master, facts_in
from sozu.command.commit import commit
from sozu.command.facts import Protocol
from sozu.command.orders import (
    ActivateListener,
    AddBackend,
    AddCluster,
    AddListener,
    AnyOrder,
    DeactivateListener,
    RemoveBackend,
    RemoveCluster,
    RemoveListener,
    UpdateListener,
)
from sozu.command.state import ConfigState, addition, digest
from sozu.command.worker_protocol import (
    SCHEMA,
    Apportion,
    AskBackends,
    AskDigest,
    AskMetrics,
    AskStatus,
    Drain,
    Found,
    GiveListeners,
    Hello,
    ListenerName,
    Load,
    MeetThere,
    Publish,
    Ready,
    Reply,
    TakeLog,
    WatchBackend,
    WatchFrontend,
    WatchListener,
    Welcome,
)


class Worker:
    def __init__(self, manners: argparse.Namespace) -> None:
        self.manners = manners
        self.channel = channel_to_master(socket.socket(fileno=manners.channel))
        self.selector = selectors.DefaultSelector()
        self.given: dict[str, socket.socket] = {}
        self.open: dict[str, socket.socket] = {}
        self.slot = self.revision = self.taken = 0
        self.borrowed: dict[int, list[socket.socket]] = {}
        self.clusters: list[str] = []
        self.orders: list[AnyOrder] = []
        self.log: list[int] = []
        self.watches: list[int] = []

    def run(self) -> None:
        if self.manners.never_born:
            sys.exit(1)
        schema = SCHEMA + 1 if self.manners.other_schema else SCHEMA
        self.channel.send(Hello(version=__version__, schema=schema, pid=os.getpid()))
        self.prepare()
        self.selector.register(self.channel.fileno(), selectors.EVENT_READ, self.obey_all)
        while True:
            for key, _ in self.selector.select():
                key.data()

    def prepare(self) -> None:
        last = False
        while not last:
            message, descriptors = self.channel.receive()
            match message:
                case Welcome(slot=slot):
                    self.slot, self.log, self.settings = slot, descriptors, message.settings
                case Apportion():
                    for descriptor in descriptors:
                        os.close(descriptor)
                case MeetThere():
                    self.rendezvous = socket.socket(fileno=descriptors[0])
                    self.rendezvous.listen()
                case GiveListeners():
                    self.keep(message, descriptors)
                case Load(revision=revision, orders=orders, last=last):
                    self.apply(revision, (*map(addition, facts_in(message)), *orders))
                case _:
                    sys.exit(f"unexpected {message}")
        if self.manners.never_ready:
            self.channel.receive()
        self.channel.send(Ready(revision=self.revision))

    def obey_all(self) -> None:
        try:
            self.obey()
            while self.channel._frames:  # came in the same read: the selector knows nothing of them
                self.obey()
        except (ChannelClosed, ConnectionError):  # the latter where its master has not read all that we said, or will not
            self.selector.unregister(self.channel.fileno())
            self.channel.close()
            if not self.manners.never_adopted:
                self.selector.register(self.rendezvous, selectors.EVENT_READ, self.be_adopted)

    def be_adopted(self) -> None:
        self.selector.unregister(self.rendezvous)
        self.channel = channel_to_master(self.rendezvous.accept()[0])
        lent = [(slot, each) for slot, borrowed in self.borrowed.items() for each in borrowed]
        names = [ListenerName(Protocol.HTTP, "{}:{}".format(*each.getsockname()), slot) for slot, each in lent]
        names += [ListenerName(Protocol.HTTP, address) for address in self.open]
        state = commit(ConfigState(), self.orders).state
        found = Found(
            version=__version__,
            schema=SCHEMA,
            pid=os.getpid(),
            slot=self.slot + 700 * self.manners.other_slot,
            revision=self.revision,
            digest=digest(state),
            settings=self.settings,
            draining=False,
            listeners=tuple(names),
            last=True,
        )
        self.channel.send(found, [each.fileno() for each in (*(each for _, each in lent), *self.open.values())])
        self.selector.register(self.channel.fileno(), selectors.EVENT_READ, self.obey_all)

    def obey(self) -> None:
        message, descriptors = self.channel.receive()
        match message:
            case GiveListeners():
                self.keep(message, descriptors)
            case Publish(last=False):
                return
            case Publish(id=number, revision=revision, orders=orders):
                self.publish(number, revision, orders)
            case AskStatus() | AskDigest() | AskBackends() | AskMetrics() | WatchBackend() | WatchListener() | WatchFrontend():
                self.tell(message)
            case TakeLog(id=number):
                os.write(descriptors[0], b"reopened\n")
                self.reply(number)
            case Drain(id=number) if not self.manners.ignore_drain:
                self.reply(number)
                sys.exit(0)
            case _:
                return

    def tell(self, question: AskStatus | AskDigest | AskBackends | AskMetrics | WatchBackend | WatchListener | WatchFrontend) -> None:
        match question:
            case AskStatus(id=number):
                self.reply(number, data={"connections": 0, "requests": self.taken, "clusters": self.clusters})
            case WatchListener(id=number) | WatchFrontend(id=number):
                self.watches.append(number)
                self.reply(number, Status.PROCESSING, {"sessions": 2})
            case AskDigest(id=number):
                self.reply(number, data={"digest": "scripted"})
            case AskBackends(id=number):
                row = {"cluster": "blog", "address": "127.0.0.1:9001", "exchanges": 3, "tunnels": 1, "idle": 2, "down": False}
                self.reply(number, data=[row])
            case AskMetrics(id=number):
                self.end_watches()
                latency = {"bounds": [0.1, 1.0], "counts": [self.taken, 1, 0], "sum": 0.5}
                self.reply(number, data={"requests": self.taken, "statuses": {"200": self.taken}, "latency": latency})
            case WatchBackend(id=number):
                self.watches.append(number)
                self.reply(number, Status.PROCESSING, {"exchanges": 2})
                self.reply(number, Status.PROCESSING, {"exchanges": 1})

    def keep(self, message: GiveListeners, descriptors: Sequence[int]) -> None:
        sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        if message.lent_by is None:
            self.given.update(zip((name.address for name in message.listeners), sockets, strict=True))
        else:
            self.borrow(message.lent_by, sockets)

    def borrow(self, lender: int, sockets: Sequence[socket.socket]) -> None:
        for each in self.borrowed.pop(lender, ()):
            self.selector.unregister(each)
            each.close()
        self.borrowed[lender] = list(sockets)
        for each in sockets:
            each.setblocking(False)
            self.selector.register(each, selectors.EVENT_READ, partial(self.take, each))

    def publish(self, number: int, revision: int, orders: Sequence[AnyOrder]) -> None:
        added = {order.cluster for order in orders if isinstance(order, AddCluster)}
        if "crash" in added:
            os._exit(1)
        if "refuse" in added:
            self.reply(number, Status.ERROR)
            return
        self.apply(revision, orders)
        # Whatever it removes still runs.
        removed = {order.cluster for order in orders if isinstance(order, RemoveCluster)}
        gone = [(order.cluster, order.address) for order in orders if isinstance(order, RemoveBackend)]
        gone += [(order.cluster, order.address) for order in self.orders if isinstance(order, AddBackend) and order.cluster in removed]
        if "be-late" not in added:
            self.reply(number, data={"running": gone})

    def apply(self, revision: int, orders: Sequence[AnyOrder]) -> None:
        self.revision = revision
        self.orders += orders
        for order in orders:
            match order:
                case AddListener(address=address, active=True):
                    self.listen(address)
                case ActivateListener(address=address) | UpdateListener(address=address, active=True):
                    self.listen(address)
                case RemoveListener(address=address) | DeactivateListener(address=address):
                    self.leave(address)
                case AddCluster(cluster=cluster):
                    self.clusters.append(cluster)
                case _:
                    continue

    def listen(self, address: str) -> None:
        self.open[address] = listening = self.given.pop(address)
        listening.setblocking(False)
        self.selector.register(listening, selectors.EVENT_READ, lambda: self.take(listening))

    def leave(self, address: str) -> None:
        self.selector.unregister(self.open[address])
        self.open.pop(address).close()

    def take(self, listening: socket.socket) -> None:
        if listening.fileno() < 0:  # it was given back by a message of the same turn
            return
        try:
            connection, _ = listening.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EINVAL:  # the master has ended the listening, and is about to say so
                raise
            return
        self.taken += 1
        with connection:
            connection.sendall(f"{self.slot} {os.getpid()} {self.revision}".encode())

    def reply(self, number: int, status: Status = Status.OK, data: object = None) -> None:
        self.channel.send(Reply(id=number, status=status, revision=self.revision, message="as told", data=data))

    def end_watches(self) -> None:
        while self.watches:
            self.reply(self.watches.pop())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, required=True)
    for manner in ("--never-ready", "--never-adopted", "--other-schema", "--other-slot", "--never-born", "--ignore-drain"):
        parser.add_argument(manner, action="store_true")
    Worker(parser.parse_args()).run()
