"""One connection to the master, on which many threads may ask at a time: answers find the request that they belong to.

There is no thread of our own: of those who wait, one reads for all, and hands over to the next when its own answer has come.
"""

from collections import deque
from contextlib import suppress
import os
from pathlib import Path
import select
import socket
from threading import RLock
from time import monotonic

import msgspec

from sozu.command.answers import Answer
from sozu.command.client.errors import ConnectionLost, NoMaster, RequestRefused
from sozu.parsers.command import FrameReader, frame
from sozu.parsers.reasons import Refusal

_READ_SIZE = 65536


class Connection:
    """Send with `post`, wait with `next_answer`, and `forget` what is not waited for any more."""

    def __init__(self, path: str | os.PathLike[str], patience: float | None) -> None:
        """`patience` bounds how long a request may take to leave, in seconds. Raises NoMaster."""
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(patience)
        self._reader = FrameReader()
        # Two locks: while one thread waits for answers, for ever perhaps, others must still be able to ask. Reentrant, since a signal
        # may have the thread that waits close the connection.
        self._sending, self._reading = RLock(), RLock()
        self._answers: dict[str, deque[Answer]] = {}  # to those that were posted and not forgotten
        self._count = 0
        self._lost: Exception | None = None
        try:
            self._sock.connect(os.fspath(path))
        except OSError as error:
            self._sock.close()
            raise NoMaster([Path(path)], error.strerror or str(error)) from error

    def close(self) -> None:
        """Close it; who waits, in whatever thread, learns that the connection is lost."""
        # A close wakes nobody who waits in `poll` (close(2)), so it comes second, when nobody uses the descriptor any more: else who is
        # about to would use another's of the same number.
        self._hang_up(ConnectionLost("the connection was closed here"))
        with self._sending, self._reading:
            self._sock.close()

    def post(self, payload: bytes) -> str:
        """Send a request, whose id is put in front of the payload's fields; the id. Raises ConnectionLost or RequestRefused."""
        with self._sending:
            if self._lost is not None:
                raise self._lost
            self._count += 1
            number = str(self._count)
            # Before it leaves: the thread that reads for all may have the answer before our `sendall` is back, and passes over what
            # nobody waits for.
            self._answers[number] = deque()
            try:
                # The id goes first, and the rest as it was encoded: the master reads a large Collect forty times as fast if it
                # finds the very spelling that it would write itself (`requests.read_request`).
                self._sock.sendall(frame(b"".join((b'{"id":"', number.encode(), b'",', payload[1:]))))
            except (BrokenPipeError, ConnectionResetError) as error:
                # What the master said before it closed tells more than the broken pipe; it is still to be read.
                raise self._last_words(error) from error
            except BaseException:
                # Out of time, or interrupted: to the master the next request would be the rest of this one.
                self._hang_up(ConnectionLost("a request was sent in part, and nothing can follow it"))
                raise
        return number

    def next_answer(self, number: str, patience: float | None) -> Answer:
        """The next answer to this request. Raises TimeoutError, ConnectionLost or RequestRefused (by who is at the door)."""
        deadline = None if patience is None else monotonic() + patience
        # Only the thread that asked takes answers out of this queue, so there is no lock around it: one appends, one pops
        # (CPython's deque allows that).
        answers = self._answers[number]
        while not answers:
            left = -1.0 if deadline is None else max(0.0, deadline - monotonic())
            # -1 means for ever (threading.Lock.acquire). Who waits here has his answer brought by whoever holds the lock, or gets
            # the lock.
            if not self._reading.acquire(timeout=left):
                raise TimeoutError("no answer in time")
            try:
                if not answers:  # or the one who read before us has brought it
                    self._read(left)
            finally:
                self._reading.release()
        return answers.popleft()

    def forget(self, number: str) -> None:
        """What still comes to this request is passed over."""
        self._answers.pop(number, None)

    def _read(self, patience: float) -> None:
        if self._lost is not None:
            raise self._lost
        # Not the socket's own timeout: it is one for the whole socket, and a thread that is sending has another patience. And poll,
        # since select knows no descriptor above 1023 (select(2)), which a script with many connections has.
        watch = select.poll()
        watch.register(self._sock, select.POLLIN)
        if not watch.poll(None if patience < 0 else patience * 1000):
            raise TimeoutError("no answer in time")
        try:
            self._take(self._sock.recv(_READ_SIZE))
        # Linux says reset, and not end of file, where the other end of a unix socket closes with something unread: a master that
        # was killed. A signal may have closed our end. To us all mean the same: nothing more will come.
        except OSError:
            self._take(b"")

    def _take(self, data: bytes) -> None:
        if not data:
            raise self._end(ConnectionLost("the master closed the connection before its final answer"))
        frames = self._reader.feed(data)
        if isinstance(frames, Refusal):
            raise self._end(ConnectionLost(f"the master sent something that is no frame ({frames.reason})"))
        # All that came, also for others: they wait for the lock that we hold, and look into their own queue first when they get it.
        for payload in frames:
            self._deliver(self._answer(payload))

    def _deliver(self, answer: Answer) -> None:
        # In this order: an answer that is waited for, the refusal of what was no request (which has an empty id), an answer that
        # nobody waits for any more. What is left was never asked, and then every further answer is in doubt.
        if answer.id in self._answers:
            self._answers[answer.id].append(answer)
        elif not answer.id:
            raise self._end(RequestRefused(answer))
        elif not answer.id.isdecimal() or int(answer.id) > self._count:
            raise self._end(ConnectionLost(f"an answer to {answer.id!r} came, which was never asked: {answer.message}"))

    def _answer(self, payload: bytes) -> Answer:
        try:
            return msgspec.json.decode(payload, type=Answer)
        except msgspec.MsgspecError as error:
            raise self._end(ConnectionLost(f"the master sent something that is no answer: {error}")) from error

    def _last_words(self, error: OSError) -> Exception:
        # Not beside another who reads: the end wakes him, too, and each would have a part of an answer.
        with self._reading, suppress(ConnectionLost, RequestRefused, OSError):
            # To its end: the reason may stand behind answers to others.
            while self._lost is None and (data := self._sock.recv(_READ_SIZE)):
                self._take(data)
        return self._end(ConnectionLost(f"the master has closed the connection ({error.strerror or 'broken pipe'})"))

    def _hang_up(self, why: Exception) -> None:
        self._end(why)
        with suppress(OSError):  # the master may have closed before
            self._sock.shutdown(socket.SHUT_RDWR)

    def _end(self, why: Exception) -> Exception:
        # Kept for those who wait as well: they find it when it is their turn to read, instead of a closed socket that says nothing.
        # The first reason is the one: what is found out afterwards follows from it.
        if self._lost is None:
            self._lost = why
        return self._lost
