"""Beside h11 and httptools: every difference is one that fuzz/differences.py lists; and what both take, both understand alike."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from fuzz.corpora import CASES, Case
from fuzz.differences import H11, HTTPTOOLS, NARROWER, WIDER
from fuzz.properties import events
from fuzz.readings import Message, Reading, by_h11, by_httptools
from fuzz.test_inputs import damaged
from sozu.parsers.console.messages import End, Refused, Unfinished, request_reader
from sozu.parsers.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from fuzz.conftest import Rounds

PEERS: dict[str, Callable[[bytes], Reading]] = {H11: by_h11, HTTPTOOLS: by_httptools}
REQUESTS = [case for case in CASES if case.kind == "request"]
SEEDS = [case.data for case in REQUESTS if len(case.data) < 400]


def understood(found: list[Any]) -> list[Message]:
    """Our events as messages."""
    messages: list[Message] = []
    for event in found:
        match event:
            case (_, _, {"method": method, "target": target}, _, _):
                messages.append(Message(method, target))
            case bytes():
                messages[-1].body = event
            case Refused() | Unfinished():
                pass
            case _:
                messages[-1].whole = True
    return messages


def same(ours: Message, theirs: Message) -> bool:
    """Method, target, and payload if it is all there."""
    return (ours.method, ours.target, ours.body if ours.whole else b"") == (
        theirs.method,
        theirs.target,
        theirs.body if ours.whole else b"",
    )


def compare(peer: str, data: bytes) -> None:
    """Raise AssertionError for a difference that nobody has explained."""
    found = events(request_reader(), [data])
    theirs = PEERS[peer](data)
    match found[-1] if found else None:
        case Refused(_, refusal):
            if theirs.answer == "accept":
                assert peer in WIDER.get(refusal.reason, {}), (peer, refusal.reason, data)
        case Unfinished() | None:
            pass
        case _:
            if theirs.answer == "refuse":
                assert is_narrower(peer, data, found), (peer, data)
            elif len(theirs.messages) == len(understood(found)):
                assert all(map(same, understood(found), theirs.messages)), (peer, data)


def is_narrower(peer: str, data: bytes, found: list[Any]) -> bool:
    """Is this the thing that the peer is known to refuse?"""
    if peer == H11:
        begins = [0, *(event.end for event in found if isinstance(event, End))]
        return any(data.startswith(b"\r\n", begin) for begin in begins)
    return peer in NARROWER


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.name)
def test_a_difference_about_the_corpus_is_a_listed_one(peer: str, case: Case) -> None:
    compare(peer, case.data)


@pytest.mark.parametrize("peer", PEERS)
def test_a_difference_about_damaged_requests_is_a_listed_one(peer: str, rounds: Rounds) -> None:
    for seed in rounds():
        rng = Random(seed)
        compare(peer, damaged(rng, rng.choice(SEEDS)))


@pytest.mark.parametrize("peer", PEERS)
def test_every_listed_difference_about_a_reason_exists(peer: str) -> None:
    differing = {
        case.verdict.reason for case in REQUESTS if case.verdict.reason and PEERS[peer](case.data).answer != "refuse"
    }

    assert {reason for reason in WIDER if peer in WIDER[reason]} - RARE <= {Reason(reason) for reason in differing}


# Met by damaged inputs alone.
RARE = {
    *(Reason.METHOD, Reason.FIELD_NAME, Reason.CHUNK_SIZE, Reason.CHUNK_EXTENSION, Reason.TRAILER_FORBIDDEN),
    *(Reason.TRAILER_LINE, Reason.TRAILERS_TOO_LARGE, Reason.CHUNK_LINE_TOO_LONG, Reason.CHUNK_EXTENSIONS_TOO_LARGE),
}
