"""The master's side of one worker's channel: letters go out in order, replies find the question they belong to.

Telling never waits. A worker that does not read costs its own queue and nothing else, until a deadline has it replaced:
so the ledger may publish to it in the middle of a transaction, and no worker can hold up the others.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
import itertools
import logging
import os
import socket
from typing import Protocol, TypeVar

import gevent
from gevent.event import Event
from gevent.queue import Queue

from sozu.command.channel import Channel, ChannelError
from sozu.command.worker_protocol import Checked, FromWorker, Happened, Hello, Message, Ready, Reply

log = logging.getLogger("sozu.master")

Greeting = TypeVar("Greeting", Hello, Ready)
Question = Callable[[int], Iterable[Message]]  # given the id of the reply, the messages that ask


class Listening(Protocol):
    """Who asked: takes each reply, and None when the worker has gone without a final one."""

    def hear(self, link: "WorkerLink", reply: Reply | None) -> None:
        """Note it; must not switch greenlets."""


class LinkEnded(Exception):
    """The worker has closed its channel, or says what is not in the protocol."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What another link needs to go on: a descriptor of its own, bytes that were read, the number of the next question."""

    descriptor: int
    unread: bytes
    next_id: int


class WorkerLink:
    """One channel. Ends when the worker closes it, breaks the protocol, or `close` is called; `ended` is set then."""

    def __init__(self, channel: Channel[FromWorker], first_id: int = 1) -> None:
        """`first_id` is the number of the first question: a reply to an earlier one was for somebody else."""
        self.ended = Event()
        self.checked: Callable[[Checked], object] = _ignore  # whoever wants to know of its checks
        self.witness: int | None = None  # what it has shown us of the requests that it receives; whoever takes it closes it
        self._channel = channel
        self._ids = itertools.count(first_id)
        self._asked: dict[int, Listening] = {}
        self._greetings: Queue[Hello | Ready | None] = Queue()
        # Without a bound, since `tell` is called in the instant in which a transaction is published, and there nothing
        # may wait. What bounds it is that a worker which does not read is late, and replaced.
        self._outbox: Queue[tuple[Message, list[int]] | None] = Queue()
        self._reader, self._writer = gevent.spawn(self._read), gevent.spawn(self._write)

    def tell(self, message: Message, files: Sequence[socket.socket | int] = ()) -> None:
        """Send a message, with duplicates of these files (ours stay open). Never waits. Raises OSError where no descriptor is free for them."""
        if not self.ended.is_set():
            # Duplicated now and not when they are sent: by then the
            # listener may be closed, and its number belong to another file.
            self._outbox.put((message, _duplicates(files)))

    def ask(self, question: Question, listener: Listening, files: Sequence[socket.socket | int] = ()) -> None:
        """Send a question whose replies go to `listener`; its last message carries the files. Never waits."""
        number = next(self._ids)
        *parts, last = question(number)
        for part in parts:
            self.tell(part)
        self.tell(last, files)
        # Nothing can have been read since `tell`, which does not switch: no reply comes before its listener is known.
        if self.ended.is_set():
            listener.hear(self, None)
        else:
            self._asked[number] = listener

    def greeting(self, kind: type[Greeting]) -> Greeting:
        """Wait for the worker's Hello, then for its Ready. Raises LinkEnded."""
        heard = self._greetings.get()
        if not isinstance(heard, kind):
            raise LinkEnded("it closed its channel" if heard is None else f"it said {heard} where {kind.__name__} was due")
        return heard

    @property
    def greeted(self) -> bool:
        """Has it said something that nobody has asked for yet?"""
        return not self._greetings.empty() and not self.ended.is_set()

    def take_witness(self) -> int | None:
        """The descriptor, which is the caller's from now on."""
        witness, self.witness = self.witness, None
        return witness

    def close(self) -> None:
        """End the link from our side. A worker takes that as the end of its master and goes on serving."""
        gevent.killall([self._reader, self._writer], block=False)
        self._end()

    def hand_over(self, patience: float) -> "Handed | None":
        """Send what was told, stop, and give up the channel; None if it has ended or the worker does not take it in time.

        Nobody is told of an end: for the worker there is none.
        """
        # Behind all that was told: the writer ends when the kernel has it.
        self._outbox.put(None)
        self._writer.join(patience)
        # Only now: a worker that could not get rid of its replies might not come to read what we still write.
        self._reader.kill()
        if self.ended.is_set() or not self._writer.ready():
            return None
        # A duplicate, since a channel cannot part with its own. What was read of a message is nowhere else; and a number
        # that was used before would find the answer to another question.
        handed = Handed(os.dup(self._channel.fileno()), self._channel.unread, next(self._ids))
        # Should the exec fail, this process goes on with the other one, whose end has to be the end of the channel.
        self._channel.close()
        return handed

    def _read(self) -> None:
        try:
            while True:
                message, descriptors = self._channel.receive()
                # One for each worker, however many it sends: somebody who has taken it over is not to fill our table of
                # descriptors.
                if isinstance(message, Reply) and descriptors and self.witness is None:
                    self.witness = descriptors.pop()
                _close(descriptors)
                self._take(message)
        except (ChannelError, OSError) as error:
            log.debug("event=channel_ended reason=%r", str(error))
        self._writer.kill(block=False)
        self._end()

    def _take(self, message: FromWorker) -> None:
        match message:
            case Reply():
                self._hand_over(message)
            case Hello() | Ready():
                self._greetings.put(message)
            case Checked():
                self.checked(message)
            case Happened():
                what = (message.kind, message.cluster, message.address, message.reason)
                log.info("event=%s cluster=%r address=%r reason=%r", *what)

    def _hand_over(self, reply: Reply) -> None:
        listener = self._asked.get(reply.id)
        if reply.status.final:
            self._asked.pop(reply.id, None)
        # Nobody listens where the question was another master's, to the same worker.
        if listener is not None:
            listener.hear(self, reply)

    def _write(self) -> None:
        for message, descriptors in iter(self._outbox.get, None):
            try:
                self._channel.send(message, descriptors)
            except (ChannelError, OSError) as error:
                # The reader learns of it as well, and it is the one that ends the link: it may still hold replies.
                log.debug("event=channel_write_failed reason=%r", str(error))
                return
            finally:
                _close(descriptors)

    def _end(self) -> None:
        if self.ended.is_set():
            return
        # First: from here on nothing is put into the outbox, and no descriptor is duplicated for nobody.
        self.ended.set()
        self._channel.close()
        self._greetings.put(None)
        while not self._outbox.empty():
            _, descriptors = self._outbox.get() or (None, [])
            _close(descriptors)
        # Each of them hears that it is over: whoever gathers replies would wait for this worker until its deadline, and
        # a wait for the last exchange has none.
        asked, self._asked = self._asked, {}
        for listener in asked.values():
            listener.hear(self, None)


def _duplicates(files: Iterable[socket.socket | int]) -> list[int]:
    made: list[int] = []
    try:
        # An in-place addition keeps those that were made before the one that failed: lost, they would be missing for good where they are missing already.
        made += (os.dup(file if isinstance(file, int) else file.fileno()) for file in files)
    except OSError:
        _close(made)
        raise
    return made


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _ignore(_: Checked) -> None:
    """Nobody has asked for checks."""
