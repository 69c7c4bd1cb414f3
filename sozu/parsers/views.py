"""The proxy's view of a head: the fields it acts on, and all that may be passed on as one slice.

`request_view.fused(data)` and `response_view.fused(data)` are what the data path calls. They try two patterns of heads/slots.py: nearly every
head of daily traffic is one match of the first, and those with names in lower case are one of the second. Whatever neither matches is read by
the grammar of http1.py and then field by field by heads/field_rules.py: that careful reading *defines* what a view is and what is refused.
`build_request_view` makes another view, with more slots or other fields to cut; views are meant to be built once, when a worker starts or a
listener changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import re
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec
from parsy import Parser

from sozu.parsers import http1
from sozu.parsers.abnf import TCHAR
from sozu.parsers.fuse import fuse, parsy_reading
from sozu.parsers.fusion.decoding import Decoder, Part
from sozu.parsers.fusion.emission import Emitter
from sozu.parsers.heads import usual
from sozu.parsers.heads.blame import blame_request, blame_response
from sozu.parsers.heads.cutting import Cuts, cutter
from sozu.parsers.heads.field_rules import Fault, is_look_alike, survey
from sozu.parsers.heads.known_fields import (
    ALWAYS_DROPPED,
    DROPPED_FROM_REQUESTS,
    DROPPED_FROM_RESPONSES,
    REQUEST_SLOTS,
    RESPONSE_SLOTS,
    plain_slot,
)
from sozu.parsers.heads.slots import Section, Slot
from sozu.parsers.result import Bytes, Done, Error, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sozu.parsers.fuse import Fused
    from sozu.parsers.reasons import Reason
    from sozu.parsers.regular import Reading, Regular


class View(msgspec.Struct, frozen=True, gc=False):
    """What both views share: how to get at the fields that are passed on."""

    source: Any  # the lines that are passed on; or the match, which the views of a ViewParser read when asked

    def passed_fields(self) -> bytes:
        """The field lines for the other side, each with its CRLF, without the empty line."""
        lines: bytes = self.source
        return lines

    def passed_head(self) -> bytes:
        """The same with the start line before them, as it came: in its version of HTTP."""
        return self.start_line() + self.passed_fields()

    def start_line(self) -> bytes:
        """With its CRLF."""
        raise NotImplementedError


class RequestView(View, frozen=True, gc=False):
    """A request head; a field is None when it is absent. `more` has the values of the extra slots that the view was built with."""

    method: bytes
    target: bytes
    minor: int
    host: bytes | None = None
    content_length: bytes | None = None  # 1 to 18 digits
    transfer_encoding: bytes | None = None  # `chunked` in any case
    connection: bytes | None = None
    expect: bytes | None = None
    upgrade: bytes | None = None
    more: tuple[bytes | None, ...] = ()

    def start_line(self) -> bytes:
        """With its CRLF."""
        return b"%b %b HTTP/1.%d\r\n" % (self.method, self.target, self.minor)


class ResponseView(View, frozen=True, gc=False):
    """A response head; a field is None when it is absent. `more` as in RequestView."""

    minor: int
    status: int
    reason: bytes
    content_length: bytes | None = None
    transfer_encoding: bytes | None = None
    connection: bytes | None = None
    upgrade: bytes | None = None
    more: tuple[bytes | None, ...] = ()

    def start_line(self) -> bytes:
        """With its CRLF."""
        return b"HTTP/1.%d %d %b\r\n" % (self.minor, self.status, self.reason)


V = TypeVar("V", bound=View)

# A view holds its match, and so the input: of a buffer that is used again it would show other bytes. Hence bytes alone go the quick way.
TEMPLATE: Final = """\
def fused(data, pos=0):
    match = CAPITAL(data, pos) or ANY(data, pos)
    if match is None or type(data) is not bytes:
        return careful(data, pos)
    ({groups}, ) = match.groups()
    return Done(data, View(match, {values}), match.end())
"""


class Kind(msgspec.Struct, frozen=True):
    """What makes a view one of requests or one of responses."""

    make: type[Any]
    start: Regular[Any]
    usual_start: Regular[Any]  # the start line as it nearly always is: the quick pattern knows no other
    head: Fused[Any]
    before_lines: tuple[int, int]  # the last group of the usual start line, and how many bytes follow it in that line
    start_values: Callable[[Any], tuple[Any, ...]]
    # In the order of the view's fields: values are put in by position, by the generated function as well as by the careful reading.
    slots: tuple[Slot, ...]
    blame: Callable[[bytes, int], Reason]
    has_target: bool


REQUEST: Final = Kind(
    RequestView,
    http1.request_line,
    usual.request_line,
    http1.request_head,
    (2, len(b" HTTP/1.1\r\n")),
    lambda head: (head.method, head.target, head.minor),
    REQUEST_SLOTS,
    blame_request,
    has_target=True,
)
RESPONSE: Final = Kind(
    ResponseView,
    http1.status_line,
    usual.status_line,
    http1.response_head,
    (3, len(b"\r\n")),
    lambda head: (head.minor, head.status, head.reason),
    RESPONSE_SLOTS,
    blame_response,
    has_target=False,
)


@dataclass(frozen=True, slots=True)
class Quick:
    """The parts that a quick pattern is made of; its groups are numbered by one decoder."""

    decoder: Decoder
    start: Part
    section: Section

    @property
    def pattern(self) -> bytes:
        """All of it."""
        return self.start.pattern + self.section.pattern


class ViewParser(Parser, Generic[V]):
    """A parser of views. `fused(data, pos=0)` is the hot call; as a parsy parser it says the same."""

    def __init__(self, kind: Kind, extra: Iterable[bytes], cuts: Iterable[bytes]) -> None:
        self.kind = kind
        self.extra = tuple(map(known_name, extra))
        self.cuts = ALWAYS_DROPPED.union(map(known_name, cuts))
        # A slot of the kind has rules that an extra one of the same name must not replace.
        self.slots = {name: plain_slot(name) for name in self.extra} | {slot.name: slot for slot in kind.slots}
        self.start_line = fuse(kind.start)
        self.section = fuse(http1.field_section)

    @cached_property
    def wrapped_fn(self) -> Reading:  # type: ignore[override]  # parsy sets it in its constructor
        """In parsy's convention."""
        return parsy_reading(self.fused)

    @cached_property
    def fused(self) -> Callable[..., Outcome[V]]:
        """The generated function."""
        quick = self.capital
        scope = quick.decoder.scope
        scope |= {"Done": Done, "View": self.view(quick.section.marks), "careful": self.careful}
        scope |= {"CAPITAL": re.compile(quick.pattern).match, "ANY": re.compile(self.any_case.pattern).match}
        exec(self.generated, scope)  # noqa: S102 - made from a table, never from input
        made: Callable[..., Outcome[V]] = scope["fused"]
        return made

    @cached_property
    def capital(self) -> Quick:
        """What is tried first: usual heads whose known fields begin with a capital."""
        return self.quick(capital=True)

    @cached_property
    def any_case(self) -> Quick:
        """What is tried then. Its groups are the same."""
        return self.quick(capital=False)

    def quick(self, *, capital: bool) -> Quick:
        """The pattern of usual heads and what its groups say."""
        decoder = Decoder(Emitter(quick=True), {})
        start = decoder.part(self.kind.usual_start.tree, last=False)
        return Quick(decoder, start, Section(decoder, self.slots, self.cuts, capital=capital))

    @property
    def generated(self) -> str:
        """The source of the generated function."""
        quick = self.capital
        known = [quick.section.values[slot.name] for slot in self.kind.slots]
        more = [f"({', '.join(quick.section.values[name] for name in self.extra)}, )"] if self.extra else []
        values = quick.start.expression[1:-1] + ", ".join(known + more)
        return TEMPLATE.format(groups=", ".join(quick.decoder.groups), values=values)

    @property
    def sections(self) -> dict[str, str]:
        """What `explain` shows."""
        return {
            "slots": ", ".join(name.decode() for name in self.slots),
            "cut out": ", ".join(name.decode() for name in sorted(self.cuts)),
            "pattern, known names with a capital": self.capital.pattern.decode("ascii"),
            "pattern, names in any case": self.any_case.pattern.decode("ascii"),
            "generated": self.generated,
        }

    def view(self, marks: Cuts) -> type[Any]:
        """The class of the views that hold a match."""
        methods = {
            "passed_fields": cutter(self.cuts, marks, *self.kind.before_lines),
            "passed_head": cutter(self.cuts, marks),
        }
        make = self.kind.make
        return msgspec.defstruct(make.__name__, (), bases=(make,), namespace=methods, frozen=True, gc=False)

    def careful(self, data: Bytes, pos: int) -> Outcome[V]:
        """The reading that defines a view: the whole field list first, then the rules of field_rules.py."""
        outcome = self.kind.head.fused(data, pos)
        if isinstance(outcome, Error):
            return self.error(outcome, data, pos)
        if not isinstance(outcome, Done):
            return outcome
        head = bytes(data[pos : outcome.end])
        begin = head.index(b"\r\n", 2) + 2  # an empty line may stand before the first
        lines = head[begin:-2].split(b"\r\n")[:-1]
        found = survey(self.slots, self.cuts, outcome.value.fields, lines)
        if isinstance(found, Fault):
            return Error(pos + begin + found.offset, frozenset([found.reason.rule.text]), found.reason)
        known = [found.values.get(slot.name) for slot in self.kind.slots]
        more = tuple(found.values.get(name) for name in self.extra)
        start = self.kind.start_values(outcome.value)
        view: Any = self.kind.make(found.passed, *start, *known, more)
        return Done(data, view, outcome.end)

    def error(self, error: Error, data: Bytes, pos: int) -> Error:
        """The same error, with its reason."""
        return Error(
            error.position, lambda: error.expected, lambda: self.kind.blame(bytes(data[pos:]), error.position - pos)
        )


def known_name(name: bytes) -> bytes:
    """A field name as the patterns know it: in lower case. Raises ValueError for what no accepted head has."""
    if not name or name.translate(None, TCHAR):
        raise ValueError(f"{name!r} is no field name: a token was expected (RFC 9110 section 5.1)")
    if is_look_alike(name.lower()):
        raise ValueError(f"{name!r} could be taken for a framing field: heads with it are refused")
    return name.lower()


def build_request_view(
    slots: Iterable[bytes] = (), drop: Iterable[bytes] = DROPPED_FROM_REQUESTS
) -> ViewParser[RequestView]:
    """A view of requests with these slots besides its own (their values are in `more`), which cuts the fields named in `drop`.

    Raises ValueError for a name that no field of an accepted head can have.
    """
    return ViewParser(REQUEST, slots, drop)


def build_response_view(
    slots: Iterable[bytes] = (), drop: Iterable[bytes] = DROPPED_FROM_RESPONSES
) -> ViewParser[ResponseView]:
    """A view of responses; slots and drop as for requests."""
    return ViewParser(RESPONSE, slots, drop)


request_view: Final = build_request_view()
response_view: Final = build_response_view()
