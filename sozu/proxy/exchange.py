"""One request and its response: find the route, choose a backend, send, receive, answer; and what went wrong, told once.

Read `run` first: it is the story, in the order in which it happens (docs/life_of_a_request.md draws it). An exchange sees a Front and a Back. It runs in the session's
greenlet; only a request body that has not come yet gets a second one (upload.py). Deadlines are the Front's. A backend counts it from `reach` to `end`.
"""

from time import monotonic
from typing import Final

from sozu.command.facts import Cluster
from sozu.parsers.body import TUNNEL, UNTIL_CLOSE, Framing, response_framing
from sozu.parsers.reasons import Reason, Refusal
from sozu.proxy.answering.accidents import explained
from sozu.proxy.answering.dressing import dressed
from sozu.proxy.back import Back, Begun
from sozu.proxy.bodies import LANDING, SHORT_LANDING, Body, Ended, Malformed, Pace, UntilEnd, land, relay
from sozu.proxy.deadlines import NEVER, Late
from sozu.proxy.failures import BackendFailed, Failure, LastHop, NoRoute, Refused
from sozu.proxy.forwarding import SOZU_ID, plainly_chunked, wants_upgrade
from sozu.proxy.front import Front
from sozu.proxy.heads import END, BadHead, HeadEnded
from sozu.proxy.meaning import FINAL, Answered, Asked, treated
from sozu.proxy.policy.limits import bounded, upload_pace
from sozu.proxy.reaching import Counted, blame, open_back, permitted, reach
from sozu.proxy.record import Record
from sozu.proxy.registry import LiveBackend
from sozu.proxy.stream import READ_SIZE, Broken, Stream
from sozu.proxy.traffic import Traffic
from sozu.proxy.upload import Upload

MOST_INTERIM: Final = 16  # 1xx responses before the final one: more is a storm
SWITCHING: Final = 101


class Exchange(Record):
    """See the module; what is remembered of it is a Record. Afterwards `front.keep` says whether the client's connection goes on."""

    __slots__ = ("_asked", "_back", "_body", "_front", "_opening", "_traffic", "_upload", "counted")

    _back: Back | None
    counted: Counted | None  # by whom this exchange is
    _upload: Upload | None
    _opening: bytes  # a head with the first piece of a body that goes on: an argument would live as long as the exchange

    def run(
        self, traffic: Traffic, front: Front, asked: Asked, body: Body, origin: bytes, *, chosen: LiveBackend | None = None, begun: Begun | None = None
    ) -> None:
        """From a request's head to the last byte of its response. Never raises. `origin` are the lines that tell a backend who asks; `chosen`: the
        backend to be tried first, if that is known; `begun`: by an errand, which cannot go on without a greenlet.
        """
        self._traffic = traffic
        self._front = front
        self._asked = asked
        self._body = body
        self._back = self.counted = self._upload = None
        traffic.counters.exchanges_open += begun is None
        try:
            cluster = asked.cluster
            if cluster is None:
                cluster, asked = self._admitted(asked, origin)
            self.cluster = cluster.cluster
            front.min_rate = asked.min_rate
            request = b"".join((asked.head, origin, SOZU_ID, self.request_id, END))
            if not body.complete:
                request = self._with_body(request, cluster)
            if begun is None:
                self._back = back = reach(traffic, front, self, asked, self._body.complete and asked.idempotent, chosen=chosen)
                answered = self._ask(back, request)
            else:
                answered = self._take_over(begun, request)
            self.responded = monotonic()
            self._answer(answered)
        except Failure as failure:
            self._fail(failure)
        except (Broken, Late, Ended, Malformed, BadHead, HeadEnded) as accident:
            self._fail(explained(accident, self._front.stream, self._upload, tunnel=self.status == SWITCHING))
        except BaseException:
            self.ended = "a fault of the proxy's own"
            self._stop_upload()
            raise
        finally:
            if self._back is not None:
                self._back.close()
            if self.counted is not None:
                self.counted.end()
            if self._upload is not None:
                self.bytes_in += self._upload.count
            traffic.counters.exchanges_open -= 1
            self.close(traffic.books)

    def _admitted(self, asked: Asked, origin: bytes) -> tuple[Cluster, Asked]:
        """The cluster of a request of which the head alone does not say that it may go there; and the request as it may."""
        if asked.last_hop:
            raise LastHop
        if asked.special is None:
            raise NoRoute
        self.cluster = asked.special.cluster.cluster
        self._front.deadline = self._traffic.clock.after(asked.timeouts.request)  # a password may wait for its check, and a client's idle time is over
        cluster = asked.special.admit(asked.view, self.client, self._traffic.desk)
        self._asked = asked = permitted(self._traffic, self._front, asked, b"".join((origin, SOZU_ID, self.request_id, END)))
        return cluster, asked

    def _with_body(self, head: bytes, cluster: Cluster) -> bytes:
        body = bounded(self._body, self._traffic.settings, cluster)
        if isinstance(body, Refusal):
            raise Refused.because(body)
        self._body = body
        self._opening = b""
        if self._asked.view.transfer_encoding is not None:
            head = plainly_chunked(head)
        if not self._front.stream.leftover:
            return head
        try:
            piece = body.read(READ_SIZE)
        except Malformed as malformed:
            raise Refused(f"refused: {malformed}", malformed.status, malformed.reason) from malformed
        self.bytes_in += len(piece)
        opening = b"".join((head, piece))
        if body.complete:
            return opening
        self._opening = opening
        return b""

    def _take_over(self, begun: Begun, request: bytes) -> Answered:
        """What was done without a greenlet is as if this exchange had done it."""
        self._back = back = begun.back
        self.counted = back.backend
        self.backend = back.backend.name
        self.connected = self.started
        if isinstance(begun.event, Broken):
            return self._ask_again(back, request, BackendFailed(f"backend: {begun.event}"))
        if isinstance(begun.event, Exception):
            raise begun.event
        return self._begun_to_answer(back, request, begun.event)

    # ---- there ----

    def _ask(self, back: Back, request: bytes) -> Answered:
        """Send the request, its body as it comes; the head of the final response."""
        stream, traffic = back.stream, self._traffic
        self._front.deadline = traffic.clock.next + self._asked.timeouts.back
        try:
            if self._body.complete:
                traffic.outbox.post(stream, request)
            else:
                self._begin_upload(stream, request)
        except Broken as broken:
            self.ended = f"backend stopped reading: {broken}"  # it may have said why
        try:
            data = land(stream, SHORT_LANDING if self._front.stream.leftover else LANDING)
        except Broken as broken:
            return self._ask_again(back, request, BackendFailed(f"backend: {broken}"))
        return self._begun_to_answer(back, request, data)

    def _begun_to_answer(self, back: Back, request: bytes, begun: Answered | bytes) -> Answered:
        """The head of the final response, of which the beginning is there, or has been understood."""
        stream, responses = back.stream, self._traffic.responses
        if not begun:
            return self._ask_again(back, request, BackendFailed("backend closed without a response"))
        answered = begun if isinstance(begun, Answered) else responses.take(stream, begun) or responses.wait(stream, begun)
        return answered if answered.view.status >= FINAL else self._receive_final(stream, answered)

    def _ask_again(self, back: Back, request: bytes, failure: BackendFailed) -> Answered:
        """Over a new connection, if this one was old: the backend had closed it before our request reached it (RFC 9112 section 9.3.1)."""
        if not (back.last_used < NEVER and self._body.complete and self._asked.idempotent):  # a body that still comes cannot be sent twice
            raise failure
        self.retries += 1
        back.close()
        self._back = self.ended = None
        self._back = renewed = open_back(self._traffic, self._front, back.backend, self._asked.timeouts)
        return self._ask(renewed, request)

    def _begin_upload(self, sink: Stream, head: bytes) -> None:
        opening, self._opening = self._opening, b""
        sink.send(opening or head)
        front, timeouts = self._front, self._asked.timeouts
        pace = upload_pace(front, self._traffic.clock, timeouts.front, timeouts.back, self._asked.min_rate)
        self._upload = Upload(self._body, sink, pace, self._traffic.hub, front.throw)
        self._upload.start(self._traffic.spares)

    @property
    def _all_sent(self) -> bool:
        """Has the backend all of the request? If not, neither connection can carry another one."""
        return self._body.complete if self._upload is None else self._upload.complete

    # ---- and back ----

    def _receive_final(self, stream: Stream, answered: Answered) -> Answered:
        """The head of the final response, or of a 101; those before it are passed on."""
        for _ in range(MOST_INTERIM):
            stream.leftover = bytes(stream.leftover)  # out of the shared buffer: to pass this one on may park
            if answered.view.status >= FINAL or answered.view.status == SWITCHING:
                return answered
            self._framing(answered)
            self._front.answer_interim(answered)
            self._front.deadline = self._traffic.clock.after(self._asked.timeouts.back)
            data = land(stream, SHORT_LANDING if self._front.stream.leftover else LANDING)
            if not data:
                raise BackendFailed("backend closed without a response")
            answered = self._traffic.responses.receive(stream, data)
        raise BackendFailed("a storm of 1xx responses")

    def _answer(self, answered: Answered) -> None:
        """Pass the response on. Its connection goes back to the pool, unless anything about it is in doubt."""
        back, asked = self._back, self._asked
        assert back is not None, "the response came from somewhere"
        stream = back.stream
        if asked.bare and answered.simple == len(stream.leftover):
            self._front.answer_at_once(self, answered, stream, asked.timeouts)
            reusable = answered.keep
        else:
            if asked.special is not None or asked.sticky is not None:
                answered = treated(answered, asked.special, self._traffic.settings.via, self.counted)
            framing = self._framing(answered)
            if framing is TUNNEL:
                self._tunnel(back, answered)
                return
            reusable = self._answer_carefully(stream, answered, framing)
        self._back = None
        if reusable:
            self._traffic.pool.give(back)
        else:
            back.close()

    def _answer_carefully(self, source: Stream, answered: Answered, framing: Framing) -> bool:
        """What is large, or still to come, or has to be changed for this client; or while the request's body still comes. May the source be used again?"""
        front, whole = self._front, self._all_sent
        if not whole:
            front.keep = False
            front.unread = True
        front.answer(self, answered, framing, source, self._asked.timeouts)
        if self._upload is not None:
            whole = self._end_upload(self._upload)
        return whole and answered.keep and framing is not UNTIL_CLOSE and not source.leftover

    def _framing(self, answered: Answered) -> Framing:
        framing = response_framing(answered.view, self._asked.view.method)
        if isinstance(framing, Refusal):
            raise BackendFailed(f"bad response: {framing.reason}")
        return framing

    def _end_upload(self, upload: Upload) -> bool:
        """The response is over. Has all of the request been sent by now?"""
        if upload.running:
            self.ended = "answered before the request's body had come"
            self._stop_upload()
        return upload.complete

    def _stop_upload(self) -> None:
        if self._upload is not None:
            self._front.deadline = NEVER
            self._upload.stop()

    def _tunnel(self, back: Back, answered: Answered) -> None:
        """After a 101: bytes both ways until both have ended, or none has come for the front's time (RFC 9110 section 7.8)."""
        if not wants_upgrade(self._asked.view) or not self._all_sent:
            raise BackendFailed(f"bad response: {Reason.UPGRADE_UNASKED}")
        front, traffic, seconds = self._front, self._traffic, self._asked.timeouts.front
        front.answer_switch(self, answered.view)
        self.bytes_in += 0 if self._upload is None else self._upload.count
        up, down = Pace(front, traffic.clock, seconds, seconds), Pace(front, traffic.clock, seconds, seconds)
        self._upload = Upload(UntilEnd(front.stream), back.stream, up, traffic.hub, front.throw, half_close=True)
        self._upload.start(traffic.spares)
        back.backend.tunnels += 1
        try:
            relay(UntilEnd(back.stream), front.stream, down)
            front.stream.end()
            self._upload.wait()
        finally:
            self.bytes_out += down.count
            back.backend.tunnels -= 1
        self._back = None
        back.close()

    # ---- when it fails ----

    def _fail(self, failure: Failure) -> None:
        """Stop what runs, close the backend's connection, and tell the client if it can still be told."""
        failure.__traceback__ = None  # some frames that it has passed hold it: a cycle
        self._stop_upload()
        front, self.ended = self._front, str(failure)
        if self._back is not None:
            self._back.close()
        if isinstance(failure, BackendFailed):
            blame(self._traffic, None if self._back is None else self._back.backend)
        if self.bytes_out or not failure.status or front.stream.full:  # also in the middle of a 1xx, or of the answer before
            front.cut()
            return
        self.status = failure.status
        if not self._all_sent or isinstance(failure, Refused):
            front.keep = False
            front.unread = True
        self._tell(failure)

    def _tell(self, failure: Failure) -> None:
        try:
            self._front.answer_ourselves(self, dressed(failure, self._asked, self._traffic.routes))
        except (Broken, Late) as gone:
            self.ended = f"{failure}; client: {gone}"
            self._front.cut()
