"""Further cases from the folder that SOZU_CASES names (docs/testing.md): `*_cases.json` with verdicts, `*_seeds.json` without.

A case has `bytes_b64` or `raw_b64`. `agreed` (accept, reject, incomplete) is what two other readers say about the syntax of requests that need no
Host; `expect` (reject, forward, incomplete, either) is what a proxy must do with a stream. Seeds only have to keep every property.
"""

from __future__ import annotations

from base64 import b64decode
import json
import os
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from fuzz.properties import check
from sozu.parsers import Error, Incomplete
from sozu.parsers.body import CHUNKED, Length, announced
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.console.messages import End, Refused, request_reader
from sozu.parsers.reasons import Reason
from sozu.parsers.views import request_view

if TYPE_CHECKING:
    from fuzz.conftest import Rounds

FOLDER = os.environ.get("SOZU_CASES")
pytestmark = pytest.mark.skipif(not FOLDER, reason="SOZU_CASES names no folder with further cases")


def cases(pattern: str) -> list[dict[str, Any]]:
    """All cases of all files that fit."""
    files = sorted(Path(FOLDER or "nowhere").glob(pattern))
    return [case for file in files for case in json.loads(file.read_text()).get("cases", [])]


def content(case: dict[str, Any]) -> bytes:
    return b64decode(case.get("bytes_b64") or case["raw_b64"])


def syntax(data: bytes) -> str:
    """accept, reject or incomplete by grammar and framing alone: no rule about Host, form of target, or expectation."""
    at = 0
    while at < len(data):
        head = request_view.fused(data, at)
        if isinstance(head, Error):
            return "reject"
        if isinstance(head, Incomplete):
            return "accept" if at and data[at:] == b"\r\n" else "incomplete"
        view, at = head.value, head.end
        if view.upgrade is not None or view.method == b"CONNECT":
            return "accept"
        framing = announced(view) if view.transfer_encoding is not None or view.content_length is not None else None
        if isinstance(framing, Reason):
            return "reject"
        if isinstance(framing, Length):
            at += framing.size
        elif framing is CHUNKED:
            body = ChunkedReader().feed(data[at:])
            if not hasattr(body, "end"):
                return "reject" if isinstance(body, Error) else "incomplete"
            at += body.end
    return "accept" if at == len(data) else "incomplete"  # a body that is cut short


@pytest.mark.parametrize(
    "case", [case for case in cases("*_cases.json") if case.get("agreed")], ids=lambda case: case["id"]
)
def test_what_others_agree_on_is_our_verdict_too(case: dict[str, Any]) -> None:
    assert syntax(content(case)) == case["agreed"]


def test_no_stream_that_must_be_rejected_is_taken_and_none_that_must_be_forwarded_is_refused() -> None:
    wrong = []
    for case in cases("*_cases.json"):
        if case.get("transport") == "h1":
            reader = request_reader()
            events = [*reader.feed(content(case)), *reader.finish()]
            is_taken = any(isinstance(event, End) for event in events)
            is_refused = isinstance(events[-1], Refused)
            if (case["expect"] == "reject" and not is_refused) or (case["expect"] == "forward" and not is_taken):
                wrong.append(case["id"])

    assert wrong == []


def test_every_property_holds_for_the_seeds(rounds: Rounds) -> None:
    files = sorted(Path(FOLDER or "nowhere").glob("*_seeds.json"))
    seeds = [b64decode(text) for file in files for text in json.loads(file.read_text())["seeds_b64"]["httpreq"]]
    for seed in rounds():
        data = Random(seed).choice(seeds)
        check("request", data)
        check("chunked", data)
