"""Side by side with h11 and httptools: whatever one accepts and the other refuses, or both accept as different messages, is in the table."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from fuzz import heads
from fuzz.comparing import difference, unlisted
from fuzz.corpora import CASES, CORPUS
from fuzz.differences import CHUNKED, DIFFERENCES, Difference
from fuzz.peers import INCOMPLETE, PEERS, Message, ours
from fuzz.test_inputs import damaged
from fuzz.test_outside import FOLDER, cases, content
from sozu.parsers.console.escapes import unescaped
from sozu.parsers.console.messages import End, request_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fuzz.conftest import Rounds

LONGEST = 400
CHUNKED_HEADS = {
    "request": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "response": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
}
HEADS = {"request": heads.request, "response": heads.response}


def corpus(kind: str) -> Iterator[bytes]:
    """The cases of a kind, and all chunked bodies behind a head."""
    for case in CASES:
        if case.kind == kind:
            yield case.data
        if case.kind == "chunked":
            yield CHUNKED_HEADS[kind] + case.data


@pytest.mark.parametrize("kind", HEADS)
def test_every_difference_in_the_corpus_is_listed(kind: str) -> None:
    assert [line for data in corpus(kind) for line in unlisted(kind, data)] == []


@pytest.mark.parametrize("kind", HEADS)
def test_every_difference_in_random_messages_is_listed(kind: str, rounds: Rounds) -> None:
    seeds = [data for data in corpus(kind) if len(data) < LONGEST]
    for seed in rounds():
        rng = Random(seed)
        data = HEADS[kind](rng) if seed % 2 else damaged(rng, rng.choice(seeds))
        assert list(unlisted(kind, data)) == [], seed


@pytest.mark.skipif(not FOLDER, reason="SOZU_CASES names no folder with further cases")
def test_every_difference_in_further_cases_is_listed() -> None:
    streams = [content(case) for case in cases("*_cases.json") if case.get("transport") == "h1" or "bytes_b64" in case]

    assert [line for data in streams for line in unlisted("request", data)] == []


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: f"{row.ours}-{'-'.join(row.peers)}-{row.theirs}")
def test_the_sample_of_a_listed_difference_shows_it(row: Difference) -> None:
    kind = row.kinds[0]
    for peer in row.peers:
        assert difference(ours(kind, row.sample), PEERS[peer](kind, row.sample)) == (row.ours, row.theirs)
    assert list(unlisted(kind, row.sample)) == []


STRICT = [line.split("\t") for line in (CORPUS / "strict.tsv").read_text().splitlines()[1:]]


def refused_message(kind: str, data: bytes) -> bytes:
    """The message of a stream that we refuse, and what follows it: a peer is asked about that one."""
    begins = [event.end for event in request_reader().feed(data) if isinstance(event, End)] if kind == "request" else []
    return data[max(begins, default=0) :]


@pytest.mark.parametrize("row", [row for row in STRICT if row[1] in {*HEADS, "chunked"}], ids=lambda row: row[0])
def test_the_columns_beside_our_refusals_are_what_the_peers_say(row: list[str]) -> None:
    _, kind, text, _, _, _, llhttp, by_h11 = row
    data = CHUNKED + unescaped(text) if kind == "chunked" else refused_message(kind, unescaped(text))
    for peer, said in (("httptools", llhttp), ("h11", by_h11)):
        answer = PEERS[peer]("response" if kind == "response" else "request", data)
        assert said == ("accept" if isinstance(answer, Message) or answer == INCOMPLETE else "refuse"), (peer, answer)
