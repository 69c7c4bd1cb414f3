"""One tool's connection: requests come in, answers go out, several requests may be under way.

Nobody here can hold up the master. A tool that does not read blocks the greenlets of its own requests, and is cut off after
a while; one that leaves has its requests dropped (what was committed stays committed, `publication` sees to the rest).
"""

from collections.abc import Callable
from functools import partial
import logging
import os
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.lock import BoundedSemaphore
from gevent.pool import Group
from gevent.queue import Queue
import msgspec

from sozu.command.answers import Answer, Status
from sozu.command.client.errors import TAKEN_OVER
from sozu.command.requests import BadRequest, Envelope, read_request
from sozu.master.aside import Aside
from sozu.master.tools.tool import Answering, CarriedTool, Declined, Final, Say, Tool
from sozu.parsers.command import FrameReader, frame
from sozu.parsers.reasons import Refusal

log = logging.getLogger("sozu.master")

READ_SIZE = 65536
LARGE = 65536  # bytes of a message: it may take a tenth of a second to read a larger one, in which others are answered
# Beyond these the kernel's buffers fill, and the tool finds that it cannot send: that is all it takes to slow one down.
AT_ONCE = 64  # unfinished requests of one tool; it is not read from while it has so many
# So many may wait in memory for a tool that reads slowly; after that, whoever answers it waits too.
UNREAD_ANSWERS = 32
READING_PATIENCE = 30.0  # seconds in which a tool must take an answer
LONGEST_MESSAGE = 2000  # characters: refusals quote what the tool sent, and an answer has to fit into a frame as well
LAST_WORDS = 60.0  # seconds for the answers to a tool that has shut down its sending side
MOMENT = 1.0  # seconds in which requests under way may end, when another master goes on


class Conversation:
    """Serve one connection with `run`. `unread` is the half of a request that another master has read."""

    def __init__(self, sock: socket.socket, tool: Tool, answer: Answering, aside: Aside, unread: bytes = b"") -> None:
        self._sock, self._tool, self._answer, self._aside = sock, tool, answer, aside
        self._being_read = False  # a large message, aside
        self._frames = FrameReader()
        # The other master has carried out all that was whole: this is less than a frame, and nothing comes of it yet.
        self._frames.feed(unread)
        self._outbox: Queue[Answer | None] = Queue(UNREAD_ANSWERS)
        self._requests = Group()
        self._ids: dict[object, str] = {}
        self._room = BoundedSemaphore(AT_ONCE)
        # Made here and started by `run`: whoever ends a conversation finds one to end, from the first moment on.
        self._reading: gevent.Greenlet[..., None] = gevent.Greenlet(self._read)
        self._heard = monotonic()
        self.spoken = False  # has anything come at all?

    def run(self) -> None:
        """Answer until the tool leaves, or breaks the protocol."""
        writer = gevent.spawn(self._write)
        self._reading.start()
        try:
            self._reading.join()
            # The end of what it sends is not the end of what it reads:
            # a client in shell shuts down its sending side, and waits.
            self._requests.join(LAST_WORDS)
        finally:
            # In this order: nobody reads; nobody answers; the writer finds the None behind the last answer; and only
            # then the socket goes, with nothing left to be sent over it.
            self._reading.kill()
            # Reset by the tool, or closed by our writer because the tool does not read: nobody is there to hear an answer.
            # What was committed stays so.
            self._drop_requests()
            self._requests.kill()
            self._outbox.put(None)
            writer.join()
            self._sock.close()

    @property
    def idle_since(self) -> float | None:
        """Since when nothing was asked (monotonic seconds); None while something is being answered."""
        return None if self._requests else self._heard

    def dismiss(self) -> None:
        """Read no more from a tool that is idle, and hang up. Never waits."""
        self._reading.kill(block=False)

    def go_on(self, request: str, work: Callable[[Say], Final]) -> None:
        """Another master has begun to answer this request; `work` gives the rest."""
        self._room.acquire()
        self._spawn(request, work)

    def hand_over(self, staying: object) -> CarriedTool | None:
        """Read no more, and give what another master needs to go on; None if the tool is to be lost instead, and sees its connection end.

        Requests get a moment to end, then are told to ask again, except one that is answered by the greenlet `staying`.
        """
        # First of all: a request that was read from here on would have nobody to answer it.
        self._reading.kill()
        # Nearly all end within milliseconds. Those that wait for the end of a tunnel may last for days.
        gevent.joinall([each for each in self._requests if each is not staying], MOMENT)
        # A refusal with a code of its own, by which the client and
        # the command line know that they may ask the next master.
        for each, request in tuple(self._ids.items()):
            if each is not staying:
                self._post(_asked_too_late(request))
        asked = self._ids.get(staying)
        # A request that was read and has not begun (there was no room, or it is being read aside) is no bytes any more
        # and not yet an order: it cannot go over. Its tool is lost, and sees that.
        if self._sock.fileno() < 0 or self._room.locked() or self._being_read:
            return None
        author = self._tool.author
        carried = CarriedTool(
            descriptor=os.dup(self._sock.fileno()),
            uid=author.uid,
            pid=author.pid,
            command=author.command,
            unread=self._frames.held,
            collected=self._tool.collected,
            asked=asked,
        )
        # Also the greenlet that stays: what it had to say is said by the next master, to the same tool.
        self._requests.kill(block=False)
        return carried

    def _read(self) -> None:
        try:
            self._read_requests()
        except OSError as error:
            log.debug("event=tool_lost pid=%d reason=%r", self._tool.author.pid, str(error))
            self._drop_requests()

    def _drop_requests(self) -> None:
        """One in each turn: twenty tools that leave at a time may have a thousand requests, and others wait."""
        for each in tuple(self._requests):
            each.kill(block=False)
            gevent.sleep(0)

    def _read_requests(self) -> None:
        while data := self._sock.recv(READ_SIZE):
            match self._frames.feed(data):
                # Where the next frame begins cannot be known, so this is the end of the conversation, after a word that
                # says why.
                case Refusal(reason=reason):
                    self._post(Answer(id="", status=Status.ERROR, message=f"not a frame: {reason}"))
                    return
                case frames:
                    for payload in frames:
                        self._take(payload)

    def _take(self, payload: bytes) -> None:
        self._heard, self.spoken = monotonic(), True
        envelope = read_request_or_why(payload) if len(payload) <= LARGE else self._read_aside(payload)
        if isinstance(envelope, BadRequest):
            # What can be read of a request that is none is its id:
            # with it the tool knows which of its requests was meant.
            why = envelope
            message = shortened(f"{why.message}; nothing was changed")
            self._post(Answer(id=why.id or "", status=Status.ERROR, message=message, data={"code": why.code}))
            return
        # It may wait here, and then nothing more is read from this tool.
        self._room.acquire()
        self._spawn(envelope.id, partial(self._answer, envelope.request, self._tool))

    def _read_aside(self, payload: bytes) -> Envelope | BadRequest:
        self._being_read = True
        envelope = self._aside.call(read_request_or_why, payload)
        self._being_read = False
        return envelope

    def _spawn(self, request: str, work: Callable[[Say], Final]) -> None:
        # Greenlets start in the order in which they were spawned: so orders reach the ledger in the order of the tool.
        greenlet = self._requests.spawn(self._serve, request, work)
        self._ids[greenlet] = request
        # What comes here is a bug of ours. gevent has printed the traceback;
        # the tool gets an answer, and all other tools are served on.
        greenlet.link_exception(lambda _: self._post(_internal_error(request)))
        # Called in the hub, so that there is room again at once; nothing in it may switch.
        greenlet.rawlink(self._finished)

    def _finished(self, greenlet: object) -> None:
        del self._ids[greenlet]
        self._room.release()

    def _serve(self, request: str, work: Callable[[Say], Final]) -> None:
        def say(status: Status) -> Callable[[str, Any], None]:
            return lambda message, data: self._post(Answer(id=request, status=status, message=shortened(message), data=data))

        try:
            final = work(say(Status.PROCESSING))
        except Declined as why:
            say(Status.ERROR)(str(why), why.data)
        else:
            say(Status.OK)(final.message, final.data)

    def _post(self, answer: Answer) -> None:
        # It waits while the outbox is full, and with it only who answers this tool.
        self._outbox.put(answer)

    def _write(self) -> None:
        # Runs to the end of the conversation, also when nobody hears: a greenlet that waits for room in the outbox gets it.
        deaf = False
        for answer in iter(self._outbox.get, None):
            if not deaf:
                deaf = not self._delivered(answer)
                if deaf:
                    self._sock.close()  # which ends the reading as well
                    self._drop_requests()

    def _delivered(self, answer: Answer) -> bool:
        try:
            # Anew for each answer: who reads slowly is served to the end, who has ceased to read is not.
            with gevent.Timeout(READING_PATIENCE, TimeoutError("it does not read its answers")):
                self._sock.sendall(frame(msgspec.json.encode(answer)))
        except OSError as error:
            log.info("event=tool_dropped pid=%d reason=%r", self._tool.author.pid, str(error))
            return False
        return True


def read_request_or_why(payload: bytes) -> Envelope | BadRequest:
    """The request; or why it is none, since what is raised in a thread is printed there."""
    try:
        return read_request(payload)
    except BadRequest as why:
        return BadRequest(why.id, why.message, why.code)  # without the frames, which hold all that was read


def shortened(message: str) -> str:
    """A message without its middle, if that is very long: its end says what was left untouched."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[: LONGEST_MESSAGE // 2]} … {message[-LONGEST_MESSAGE // 2 :]}"


def _asked_too_late(request: str) -> Answer:
    message = "another master takes over now, of the code on disk; what was committed stays: ask again"
    return Answer(id=request, status=Status.ERROR, message=message, data={"code": TAKEN_OVER})


def _internal_error(request: str) -> Answer:
    message = "internal error (the master's log has the details); ask for the status to see what is in force"
    return Answer(id=request, status=Status.ERROR, message=message)
