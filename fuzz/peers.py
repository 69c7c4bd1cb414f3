"""What h11 and httptools (llhttp) make of the first message of a stream, in the same words as what we make of it.

Only the first message is looked at, as if the connection ended after these bytes. Of a message that is accepted, start line, fields and
body are compared; values without blanks at their ends (httptools leaves those behind), that of Transfer-Encoding in lower case (as h11
has it), and nothing that comes after 101 counts as body. How early a reader tells that it refuses is not: one that still waits where another refuses says `incomplete`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import h11
import httptools
import msgspec

from sozu.parsers import Done, run
from sozu.parsers.console.messages import End, Event, Head, Payload, Refused, request_reader, response_reader
from sozu.parsers.http1 import request_head, response_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INCOMPLETE: Final = "incomplete"

Fields = list[tuple[bytes, bytes]]


class Message(msgspec.Struct, frozen=True):
    """A message that was accepted: method and target, or the status; fields; payload."""

    start: tuple[bytes, ...]
    fields: Fields
    body: bytes


Answer = Message | str
"""A message; or `incomplete`; or why it is refused: a reason code of ours, or the peer's own words."""


def ours(kind: str, data: bytes) -> Answer:
    """The reading of the proxy, all rules included."""
    reader = request_reader() if kind == "request" else response_reader()
    return first_message(kind, data, [*reader.feed(data), *reader.finish()])


def first_message(kind: str, data: bytes, events: list[Event]) -> Answer:
    """What the events say of the first message."""
    start: tuple[bytes, ...] = ()
    fields: Fields = []
    body = b""
    for event in events:
        match event:
            case Head(begin, _):
                start, fields = head(kind, data[begin:])
            case Payload(payload):
                body += payload
            case End():
                return message(start, fields, body)
            case Refused(_, refusal):
                return str(refusal.reason)
    return INCOMPLETE


def head(kind: str, data: bytes) -> tuple[tuple[bytes, ...], Fields]:
    """Start and fields of the head that `data` begins with."""
    if kind == "request":
        request = run(request_head, data)
        assert isinstance(request, Done)
        return (request.value.method, request.value.target), request.value.fields
    response = run(response_head, data)
    assert isinstance(response, Done)
    return (b"%d" % response.value.status,), response.value.fields


def message(start: tuple[bytes, ...], fields: Fields, body: bytes) -> Message:
    """The message in the form that is compared."""
    return Message(
        start, [plain(name.lower(), value.strip(b" \t")) for name, value in fields], b"" if start == (b"101",) else body
    )


def plain(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Transfer codings are compared regardless of case."""
    return name, value.lower() if name == b"transfer-encoding" else value


# --- h11 --------------------------------------------------------------------------------------------------------------


def by_h11(kind: str, data: bytes) -> Answer:
    """h11 as a server, or as a client that asked with GET."""
    connection = h11.Connection(h11.SERVER if kind == "request" else h11.CLIENT)
    if kind == "response":
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    try:
        return h11_message(h11_events(connection))
    except h11.RemoteProtocolError as error:
        return str(error).split(":")[0]


def h11_events(connection: h11.Connection) -> Iterator[Any]:
    """Its events; the end of the stream is told to it when it asks for more."""
    ended = False
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA and not ended:
            ended = True
            try:
                connection.receive_data(b"")
                event = connection.next_event()
            except h11.RemoteProtocolError:
                event = h11.NEED_DATA  # cut off within a message: that is `incomplete` here
        yield event


def h11_message(events: Iterator[Any]) -> Answer:
    """What the events say."""
    start: tuple[bytes, ...] = ()
    fields: Fields = []
    body = b""
    for event in events:
        match event:
            case h11.Request():
                start, fields = (event.method, event.target), list(event.headers)
            case h11.InformationalResponse():
                return message((b"%d" % event.status_code,), list(event.headers), b"")
            case h11.Response():
                start, fields = (b"%d" % event.status_code,), list(event.headers)
            case h11.Data():
                body += event.data
            case h11.EndOfMessage():
                return message(start, fields, body)
            case _:
                return INCOMPLETE
    raise AssertionError


# --- httptools --------------------------------------------------------------------------------------------------------


class Collected:
    """The callbacks of httptools, until the first message is complete."""

    def __init__(self) -> None:
        self.url = b""
        self.fields: Fields = []
        self.body = b""
        self.has_head = False
        self.is_done = False

    def on_url(self, url: bytes) -> None:
        self.url += b"" if self.is_done else url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        if not self.has_head:
            self.has_head = True
            self.start = self.read_start()

    def on_body(self, body: bytes) -> None:
        self.body += b"" if self.is_done else body

    def on_message_complete(self) -> None:
        self.is_done = True

    read_start: Callable[[], tuple[bytes, ...]]
    start: tuple[bytes, ...]


def by_httptools(kind: str, data: bytes) -> Answer:
    """httptools with a fresh parser."""
    found = Collected()
    if kind == "request":
        request = httptools.HttpRequestParser(found)
        found.read_start = lambda: (request.get_method(), found.url)
        error = fed(request, data)
    else:
        response = httptools.HttpResponseParser(found)
        found.read_start = lambda: (b"%d" % response.get_status_code(),)
        error = fed(response, data)
    if found.is_done or (
        error is None and kind == "response" and found.has_head and ends_with_connection(found.fields)
    ):
        return message(found.start, found.fields, found.body)
    return error or INCOMPLETE


def fed(parser: Any, data: bytes) -> str | None:
    """What it complains of, if it does."""
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        return None  # the rest is another protocol
    except httptools.HttpParserError as error:
        return str(error)
    return None


def ends_with_connection(fields: Fields) -> bool:
    """Is this a response whose body ends where the stream does? httptools has no word for the end of a stream."""
    codings = b",".join(value.strip(b" ") for name, value in fields if name.lower() == b"transfer-encoding")
    if codings:
        return not codings.lower().endswith(b"chunked")
    return not any(name.lower() == b"content-length" for name, _ in fields)


PEERS: Final[dict[str, Callable[[str, bytes], Answer]]] = {"h11": by_h11, "httptools": by_httptools}
