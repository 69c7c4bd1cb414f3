"""HTTP/1 heads: fused as stepwise, the quick view as the careful one, and the same in whatever pieces they come."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from fuzz.heads import request, response
from fuzz.test_fusion import facts, same
from sozu.parsers.head_reader import HeadReader
from sozu.parsers.http1 import request_head, response_head
from sozu.parsers.regular import Regular
from sozu.parsers.result import Complete, Done, Error, Incomplete, Outcome
from sozu.parsers.views import View, ViewParser, build_request_view, build_response_view, request_view, response_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from fuzz.conftest import Rounds
    from sozu.parsers.fuse import Fused

SIDES = [pytest.param(request, request_head, id="request"), pytest.param(response, response_head, id="response")]
VIEWS: list[Any] = [
    pytest.param(request, request_view, id="request"),
    pytest.param(response, response_view, id="response"),
    pytest.param(request, build_request_view((b"cookie", b"accept", b"x-forwarded-for"), ()), id="request-with-slots"),
    pytest.param(
        response, build_response_view((b"set-cookie", b"etag"), (b"x-a", b"content-type")), id="response-with-slots"
    ),
]


@pytest.mark.parametrize(("make", "head"), SIDES)
def test_heads_read_the_same_fused_and_step_by_step(
    make: Callable[[Random], bytes], head: Fused[Any], rounds: Rounds
) -> None:
    stepwise = Regular[Any](head.tree)
    for seed in rounds():
        data = make(Random(seed))
        said = same(head, stepwise, data)
        same(head, stepwise, Complete(data))
        assert said == ("incomplete",) or facts(head.fused(data + b"\r\nHost")) == said


@pytest.mark.parametrize(("make", "parser"), VIEWS)
def test_the_quick_view_is_the_careful_view(
    make: Callable[[Random], bytes], parser: ViewParser[View], rounds: Rounds
) -> None:
    for seed in rounds():
        data = make(Random(seed))
        assert seen(parser.fused(data)) == seen(parser.careful(data, 0)), (seed, data)
        assert seen(parser.fused(b"ab" + data, 2), 2) == seen(parser.fused(data)), (seed, data)


def seen(outcome: Outcome[View], pos: int = 0) -> Any:
    """What of a view is compared: everything that its users see."""
    match outcome:
        case Done():
            attributes = [getattr(outcome.value, name) for name in outcome.value.__struct_fields__[1:]]
            return (outcome.end - pos, attributes, outcome.value.passed_fields(), outcome.value.passed_head())
        case Error():
            return ("error", outcome.position - pos, outcome.reason)
        case Incomplete():
            return "incomplete"


@pytest.mark.parametrize(("make", "parser"), VIEWS[:2])
def test_a_head_reads_the_same_in_whatever_pieces_it_comes(
    make: Callable[[Random], bytes], parser: ViewParser[View], rounds: Rounds
) -> None:
    for seed in rounds():
        rng = Random(seed)
        data = make(rng)
        whole = HeadReader(parser).feed(data)
        reader = HeadReader(parser)
        outcome, taken = in_pieces(reader, rng, data)
        if isinstance(whole, Error) and isinstance(outcome, Incomplete):
            outcome = reader.feed(b"\n")  # within a line an error may be told late, at its end in any case
        if isinstance(whole, Incomplete) or isinstance(outcome, Incomplete):
            assert whole == outcome, (seed, data)
        else:
            assert seen(outcome) == seen(whole), (seed, data)
        if isinstance(whole, Done) and isinstance(outcome, Done):
            assert bytes(outcome.rest) == data[whole.end : taken]


def in_pieces(reader: HeadReader[View], rng: Random, data: bytes) -> tuple[Outcome[View], int]:
    """Feed until the reader has an answer; also tell how much it was fed."""
    outcome: Outcome[View] = Incomplete()
    at = 0
    while at < len(data) and isinstance(outcome, Incomplete):
        size = rng.choice((1, 1, 2, 5, 20, 100))
        outcome = reader.feed(data[at : at + size])
        at = min(len(data), at + size)
    return outcome, at
