"""How an exchange can fail: whose fault it is, what the client is told, and whether another try may help.

Traffic fails all the time, so these are answers rather than accidents: raised where they are noticed, caught once, in `Exchange.run`.
`Broken` (stream.py) and `Late` (deadlines.py) say only what happened on a connection; the exchange, which knows what it was doing, turns
them into one of these.

| failure        | whose   | status            | again elsewhere?                                     |
|----------------|---------|-------------------|------------------------------------------------------|
| Refused        | client  | by its reason     | never                                                |
| ClientGone     | client  | none, it is gone  | never                                                |
| LastHop        | nobody's | 200              | never                                                |
| NoRoute        | ours    | 404               | never                                                |
| Denied         | ours    | 401, 403, 503     | never                                                |
| Redirected     | nobody's | 301 to 308       | never                                                |
| ToldElsewhere  | nobody's | 300 to 499       | never                                                |
| NoBackend      | ours    | 503               | never                                                |
| TooMany        | client  | 429               | never                                                |
| Busy           | ours    | 503               | never: it has waited                                 |
| CircuitOpen    | backend | 503               | never                                                |
| Unreachable    | backend | 502, 504 if slow  | yes: nothing was sent                                |
| BackendFailed  | backend | 502, 504 if slow  | once, if it was an old connection and the request is idempotent |
"""

from typing import Final

from sozu.command.edits.facts import AnswerPage
from sozu.parsers.reasons import Refusal

RETRY_AFTER: Final = b"Retry-After: 1\r\n"  # RFC 9110 section 10.2.3: whole seconds, and it is about moments


class Failure(Exception):
    """`status` is what the client is told (0: nothing can be told), with these `fields` (whole lines) and the code of a `reason`; the text goes to the access log.

    `pages` are those of its cluster and listener: what the client reads, if one is for this status.
    """

    # On the class, as most failures of a kind say the same; one that has more to say covers them with its own.
    reason: str = ""
    fields: bytes = b""
    pages: tuple[AnswerPage, ...] = ()

    def __init__(self, text: str, status: int, reason: str = "") -> None:
        super().__init__(text)
        self.status = status
        if reason:
            self.reason = reason


class Refused(Failure):
    """The request breaks a rule; whatever follows it on the connection cannot be trusted."""

    # The default is for those that only time has refused.
    reason = "client-too-slow"  # all others have one of the parsers'

    @classmethod
    def because(cls, refusal: Refusal) -> "Refused":
        """With the reason's code, its status, and the offset where the grammar stopped."""
        # For the log alone: the answer has the reason's code, and what the client sent is never repeated to it.
        where = "" if refusal.position is None else f" at byte {refusal.position}"
        return cls(f"refused: {refusal.reason}{where}", refusal.status, refusal.reason)


class ClientGone(Failure):
    """The client has closed or reset its connection, or let it time out in mid-message."""

    def __init__(self, text: str) -> None:
        # No status, so the access log shows 0, and no latency is counted: nobody was told anything.
        super().__init__(text, 0)


class LastHop(Failure):
    """No fault at all: Max-Forwards says that the request ends here (RFC 9110 section 7.6.2)."""

    def __init__(self) -> None:
        # A Failure all the same, as are redirects: whatever ends an exchange before a backend is asked leaves by one door (Exchange._fail).
        super().__init__("Max-Forwards is 0", 200)


class NoRoute(Failure):
    """No frontend matches the host and the path."""

    def __init__(self) -> None:
        # 404 and not 421: that is for a host which the certificate of its TLS connection does not cover.
        super().__init__("no route", 404, "no-route")


class Denied(Failure):
    """The frontend lets the request not pass: who asks, or with what password."""

    def __init__(self, status: int, text: str, reason: str, fields: bytes = b"") -> None:
        super().__init__(text, status, reason)
        # A challenge, or when to come again: who is denied may have to be told how not to be.
        self.fields = fields


class Redirected(Failure):
    """No fault at all: the frontend sends the client elsewhere (RFC 9110 section 15.4)."""

    def __init__(self, status: int, location: bytes) -> None:
        super().__init__("redirected", status, "redirect")
        # No line break can come in here: the places of the template are filled from a head that the grammar has let pass, and the operator's own
        # text is visible ASCII (sozu.command.rules.edits).
        self.fields = b"Location: %b\r\n" % location


class ToldElsewhere(Failure):
    """No fault at all: another cluster was asked, and the client gets its answer; `fields` are of that one, and so is the body."""

    def __init__(self, status: int, phrase: bytes, fields: bytes, body: bytes) -> None:
        super().__init__("not admitted by its forward_auth", status, "forward-auth")
        # All of it is here: the connection that it came by serves others already.
        self.phrase, self.fields, self.body = phrase, fields, body


class NoBackend(Failure):
    """The cluster has nobody to send to."""

    def __init__(self) -> None:
        # 503 and no Retry-After: nobody knows when the configuration will have one.
        super().__init__("no backend", 503, "no-backend")


class TooMany(Failure):
    """This client's address has as many exchanges with the cluster as one may have (RFC 6585 section 4)."""

    fields = RETRY_AFTER

    def __init__(self) -> None:
        # 429 says that this client asks too much at once; where the backends are full it is 503, since others have used up the room.
        super().__init__("too many exchanges of this client", 429, "too-many")


class Busy(Failure):
    """All backends have as many exchanges as they may, and waiting did not help."""

    fields = RETRY_AFTER

    def __init__(self, text: str) -> None:
        # Whoever waits in vain for room is not a failure of the cluster: a breaker does not count it (reaching/lease.py).
        super().__init__(text, 503, "backends-busy")


class CircuitOpen(Failure):
    """Too much has failed of late: the cluster is left alone."""

    fields = RETRY_AFTER

    def __init__(self) -> None:
        # At once, without a backend being asked: that is the relief which a breaker gives.
        super().__init__("circuit open", 503, "circuit-open")


class Unreachable(Failure):
    """No connection to the chosen backend."""

    reason = "backend-unreachable"

    def __init__(self, text: str, status: int = 502, reason: str = "") -> None:
        super().__init__(text, status, reason)


class BackendFailed(Failure):
    """The backend took the request (or a part of it) and gave no whole, valid response."""

    reason = "backend-failed"

    def __init__(self, text: str, status: int = 502, reason: str = "") -> None:
        super().__init__(text, status, reason)
