"""How a response is framed for an HTTP/1 client: as it came, if the client can read that; and whether the connection goes on.

Pure. RFC 9112 sections 6 (framing), 7 (chunked only for HTTP/1.1) and 9.3 (persistence). The answers of the proxy's own are default_answers'.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from sozu.command.settings import Settings
from sozu.parsers.body import CHUNKED, UNTIL_CLOSE, Framing
from sozu.parsers.fields.section import values, without
from sozu.parsers.views import RequestView
from sozu.proxy.bodies import Body, Chunks, Payload
from sozu.proxy.default_answers import chosen_page, default_answer, filled_page, framed, welcome_answer
from sozu.proxy.failures import Failure, ToldElsewhere
from sozu.proxy.forwarding import CHUNKED_CODING, CRLF, FRAMING, hostname
from sozu.proxy.record import Record

FINAL: Final = 200
NOT_FOUND: Final = 404
# What is passed on; which methods a resource takes is its backend's to say. CONNECT is refused: we are nobody's forward proxy.
ALLOW: Final = b"Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE\r\n"
# RFC 9110 section 9.3.8: the final recipient SHOULD leave out what is likely to be sensitive. A script that can make a browser send TRACE
# would read cookies in the answer that are kept from it otherwise.
SECRET: Final = frozenset((b"authorization", b"proxy-authorization", b"cookie"))  # never sent back, even to who sent it


class Plan(NamedTuple):
    """`keep` the connection; `fields` to add to the head and names to `cut` from it; the body goes through `wrap`.

    `until_close`: the end of the connection is the end of the body, so a body that breaks off must not end the connection well.
    """

    keep: bool
    fields: bytes = b""
    cut: frozenset[bytes] = frozenset()
    wrap: Callable[[Any], Body] | None = None
    until_close: bool = False

    def framed(self, body: Body) -> Body:
        """The body as this client gets it."""
        return body if self.wrap is None else self.wrap(body)


AS_IT_IS: Final = Plan(keep=True)
CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"  # HTTP/1.0 clients need to be told
CODINGS: Final = frozenset((b"transfer-encoding", b"trailer"))


def plan_answer(minor: int, framing: Framing, *, keep: bool) -> Plan:
    """For a client of HTTP/1.`minor` that may keep its connection if `keep`."""
    if minor:
        return AS_IT_IS if keep and framing is not UNTIL_CLOSE else _plan_for_1_1(framing, keep=keep)
    if framing is CHUNKED:
        # RFC 9112 section 6.1: no Transfer-Encoding to who has not said HTTP/1.1. The length is known at the end only, so the end of the
        # connection has to be that of the body.
        return Plan(keep=False, fields=CLOSE, cut=FRAMING, wrap=Payload, until_close=True)
    if framing is UNTIL_CLOSE:
        return Plan(keep=False, fields=CLOSE, until_close=True)
    # To HEAD and with 304 a backend may say how it would have framed the body; RFC 9112 section 6.1: not to such a client.
    return Plan(keep, KEEP_ALIVE if keep else CLOSE, cut=CODINGS)


def _plan_for_1_1(framing: Framing, *, keep: bool) -> Plan:
    if framing is UNTIL_CLOSE:
        # Were the end of our connection the body's end as well, a break would look like one. Without its last chunk a body is not whole (RFC 9112
        # section 8), and after it the connection goes on.
        return Plan(keep, CHUNKED_CODING if keep else CHUNKED_CODING + CLOSE, wrap=Chunks)
    return Plan(keep=False, fields=CLOSE)


def own_answer(settings: Settings, failure: Failure, record: Record, request: RequestView | None, fields: bytes, *, close: bool) -> bytes:
    """The proxy's own answer to a request, or to what was no request (None), that fails so; `fields` are whole field lines to add."""
    fields = failure.fields + fields
    if request is not None and not close and not request.minor:
        # To HTTP/1.0 silence means that the connection ends (RFC 9112 section 9.3).
        fields += KEEP_ALIVE
    if request is not None and failure.status == FINAL:
        return final_answer(request, record.request_id, fields, close=close)
    head = request is not None and request.method == b"HEAD"
    # Before the pages: they stand in place of what we should say, and this is somebody else's answer.
    if isinstance(failure, ToldElsewhere):
        return told_elsewhere(failure, record.request_id, fields, close=close, head=head)
    page = chosen_page((*failure.pages, *settings.answers), failure.status)
    if page is not None:
        body = filled_page(page, failure.reason, record.request_id, hostname(record.texts.authority), record.texts.path)
        return framed(failure.status, record.request_id, body, page.type.encode(), close=close, head=head, fields=fields)
    # What was no request may have had any fields: it gets plain text.
    accept = b"" if request is None else accepts(request)
    if request is not None and failure.status == NOT_FOUND and settings.welcome:
        answer = partial(welcome_answer, record.texts.authority, request.target)
    else:
        answer = partial(default_answer, failure.status, reason=failure.reason)
    return answer(record.request_id, close=close, head=head, accept=accept, fields=fields)


def told_elsewhere(failure: ToldElsewhere, request_id: bytes, fields: bytes, *, close: bool, head: bool) -> bytes:
    """The answer of a cluster that was asked first, with our own lines."""
    start = b"HTTP/1.1 %d %b\r\n" % (failure.status, failure.phrase)
    # The other side's framing was taken out of `fields` (edits/question.py): its body is whole here, whatever it came as.
    ours = b"Content-Length: %d\r\nSozu-Id: %b\r\n" % (len(failure.body), request_id)
    return b"".join((start, fields, ours, CLOSE if close else b"", CRLF, b"" if head else failure.body))


def final_answer(request: RequestView, request_id: bytes, fields: bytes, *, close: bool) -> bytes:
    """To an OPTIONS or TRACE that may go no further: what may be asked here, or what was asked (RFC 9110 sections 9.3.7 and 9.3.8)."""
    body = b""
    if request.method == b"TRACE":
        seen = without(request.passed_fields(), SECRET)
        body = b"TRACE %b HTTP/1.%d\r\n%b\r\n" % (request.target, request.minor, seen)
        fields += b"Content-Type: message/http\r\n"
    else:
        fields += ALLOW
    ours = b"Content-Length: %d\r\nSozu-Id: %b\r\n" % (len(body), request_id)
    return b"".join((b"HTTP/1.1 200 OK\r\n", fields, ours, CLOSE if close else b"", CRLF, body))


def accepts(request: RequestView) -> bytes:
    """The first Accept field. It is looked for only here: no slot of the pattern is spent on it."""
    return next(iter(values(request.passed_fields(), b"accept")), b"")
