"""May a request pass? Another cluster is asked (`forward_auth`), and its answer is waited for: an exchange of our own, before that of the client.

Nobody passes whose question gets no answer. Its body, which the client may get to read, is read whole, up to a bound; the request's own waits.
"""

from time import monotonic
from typing import Final

import msgspec

from sozu.parsers.body import CHUNKED, TUNNEL, UNTIL_CLOSE, response_framing
from sozu.parsers.reasons import Refusal
from sozu.proxy.back import Back
from sozu.proxy.bodies import ChunkedBody, Ended, Malformed, Payload, incoming
from sozu.proxy.deadlines import NEVER, Late
from sozu.proxy.failures import BackendFailed, Busy, CircuitOpen, Denied, NoBackend, TooMany, Unreachable
from sozu.proxy.front import Front
from sozu.proxy.heads import BadHead, HeadEnded
from sozu.proxy.meaning import Answered, Asked
from sozu.proxy.reaching.choice import reach
from sozu.proxy.reaching.connecting import BAD_GATEWAY, Counted, blame, open_back
from sozu.proxy.registry import LiveBackend
from sozu.proxy.stream import READ_SIZE, Broken
from sozu.proxy.traffic import Traffic

LARGEST: Final = 1 << 16  # bytes of an answer's body
MOST_INTERIM: Final = 16
FAULTS: Final = (BackendFailed, Broken, Late, Ended, Malformed, BadHead, HeadEnded)  # of the backend that was asked
REFUSALS: Final = (Busy, CircuitOpen, NoBackend, TooMany, Unreachable)  # nobody was asked


class _Silent(BackendFailed):
    """It closed without a byte, as it may have meant to before our question came."""


class Inquiry:
    """Who seeks a backend for a question: see Seeker. `whom` is that backend, once it is known."""

    __slots__ = ("backend", "cluster", "connected", "counted", "responded", "retries", "started", "status", "whom")

    whom: LiveBackend | None

    def __init__(self, cluster: str) -> None:
        self.cluster: str | None = cluster
        self.backend: str | None = None
        self.retries = self.status = 0
        self.started = monotonic()
        self.connected: float | None = None
        self.responded: float | None = None
        self.counted: Counted | None = None
        self.whom = None


def permitted(traffic: Traffic, front: Front, asked: Asked, ours: bytes) -> Asked:
    """The request as it may pass. Raises ToldElsewhere or Denied. `ours` are the last lines of its head, with the empty one."""
    assert asked.special is not None, "only a special request has such a question"
    question, url = asked.special.treatment.forward_auth, asked.special.url
    if question is None:
        return asked
    inquiry = Inquiry(question.cluster)
    try:
        answered, body = _ask(traffic, front, inquiry, _on_its_terms(traffic, question.cluster, asked), question.head(asked.view, url.authority, url.target) + ours)
    except FAULTS as fault:
        # Here and not behind the `finally`: the lease that ends there tells the breaker of the cluster that was asked.
        inquiry.status = BAD_GATEWAY
        blame(traffic, inquiry.whom)
        raise _unasked(question.cluster, fault) from fault
    # Nobody is blamed here: who could not be reached was blamed where that was noticed (open_back), and the others are our own doing.
    except REFUSALS as refusal:
        inquiry.status = BAD_GATEWAY
        raise _unasked(question.cluster, refusal) from refusal
    finally:
        if inquiry.counted is not None:
            inquiry.counted.end()
    return msgspec.structs.replace(asked, head=question.admitted(asked.head, answered.view, body))


def _unasked(cluster: str, why: Exception) -> Denied:
    return Denied(503, f"forward_auth: {cluster}: {why}", "forward-auth")


def _on_its_terms(traffic: Traffic, cluster: str, asked: Asked) -> Asked:
    """With the timeouts of the cluster that is asked: those of the request's own may be for events that come once an hour."""
    roster = traffic.registry.rosters.get(cluster)
    own = None if roster is None else roster.cluster.timeouts
    return msgspec.structs.replace(asked, timeouts=own or traffic.settings.timeouts)


def _ask(traffic: Traffic, front: Front, inquiry: Inquiry, asked: Asked, head: bytes) -> tuple[Answered, bytes]:
    """The final head of the answer, and its body; over a new connection where an old one has died."""
    # A GET may be sent twice, so it rides on any connection that is idle.
    back = reach(traffic, front, inquiry, asked, True)
    inquiry.whom = back.backend
    try:
        answered, body = _converse(traffic, front, back, asked, head)
    except (Broken, _Silent):
        # A new connection that ends so has failed; of an old one the other side may have closed it before the question came (RFC 9112 section 9.3.1).
        if back.last_used >= NEVER:
            raise
        answered, body = _converse(traffic, front, open_back(traffic, front, back.backend, asked.timeouts), asked, head)
    inquiry.status, inquiry.responded = answered.view.status, monotonic()
    return answered, body


def _converse(traffic: Traffic, front: Front, back: Back, asked: Asked, head: bytes) -> tuple[Answered, bytes]:
    whole = False
    try:
        front.deadline = traffic.clock.after(asked.timeouts.back)
        back.stream.send(head)
        answered = _receive(traffic, back)
        body = _body(front, traffic, back, asked, answered)
        whole = answered.keep and answered.framing is not UNTIL_CLOSE and not back.stream.leftover
    finally:
        # In `finally`, by a flag: Late, or a client that has gone, is thrown in where this waits, and the connection is in the middle of an answer then.
        if whole:
            traffic.pool.give(back)
        else:
            back.close()
    return answered, body


def _receive(traffic: Traffic, back: Back) -> Answered:
    for _ in range(MOST_INTERIM):
        data = back.stream.read()
        if not data:
            raise _Silent("closed without a response")
        answered = traffic.responses.receive(back.stream, data)
        # A 101 is no end either: nobody has asked for an upgrade, and what follows it would be no answer.
        if answered.view.status >= 200:
            return answered
    raise BackendFailed("a storm of 1xx responses")


def _body(front: Front, traffic: Traffic, back: Back, asked: Asked, answered: Answered) -> bytes:
    # Once more, since `answered.framing` does not tell a length that breaks the rules from none at all (understand_response).
    framing = response_framing(answered.view, b"GET")
    if isinstance(framing, Refusal) or framing is TUNNEL:
        raise BackendFailed("a response that is none to this question")
    # Without its chunks: if the client gets it, it does so with a length (answering/plans.py).
    body = Payload(ChunkedBody(back.stream)) if framing is CHUNKED else incoming(framing, back.stream)
    pieces: list[bytes] = []
    while not body.complete:
        front.deadline = traffic.clock.after(asked.timeouts.back)
        # A copy: it is a view of the buffer that all bodies share, and the next read may park.
        pieces.append(bytes(body.read(READ_SIZE)))
        # Looked at after each piece: an answer without end would be kept in memory without end.
        if sum(map(len, pieces)) > LARGEST:
            raise BackendFailed(f"an answer of more than {LARGEST} bytes")
    return b"".join(pieces)
