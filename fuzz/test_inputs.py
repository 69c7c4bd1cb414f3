"""Damaged, crossed and random inputs of every kind: every property of fuzz/properties.py holds, and nothing escapes but what is documented."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from fuzz.corpora import CASES
from fuzz.properties import check
from sozu.parsers.kinds import KINDS

if TYPE_CHECKING:
    from fuzz.conftest import Rounds

LONGEST = 400
PIECES = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\0",
        b":",
        b";",
        b",",
        b"=",
        b'"',
        b"\\",
        b"%",
        b"[",
        b"]",
        b"#",
        b"?",
        b"0",
        b"\xff",
    ),
    *(
        b"HTTP/1.1",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: a\r\n",
        b"\r\n\r\n",
        b"0\r\n\r\n",
    ),
    *(b"fffffffffffffff", b"PROXY ", b"\x16\x03\x01", b"chunked"),
]
SEEDS = {kind: [case.data for case in CASES if case.kind == kind and len(case.data) < LONGEST] for kind in KINDS}


def damaged(rng: Random, data: bytes) -> bytes:
    """A few edits: cut, flip, insert, repeat, splice with another."""
    for _ in range(rng.randint(1, 3)):
        at, other = rng.randint(0, len(data)), rng.randint(0, len(data))
        begin, end = min(at, other), max(at, other)
        match rng.randrange(6):
            case 0:
                data = data[:begin] + data[end:]
            case 1:
                data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
            case 2 | 3:
                data = data[:at] + rng.choice(PIECES) + data[at:]
            case 4:
                data = data[:end] + data[begin:]
            case _:
                data = data[:at]
    return data[:LONGEST]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_property_holds_for_damaged_inputs(kind: str, rounds: Rounds) -> None:
    for seed in rounds():
        rng = Random(f"{kind} {seed}")
        data = damaged(rng, rng.choice(SEEDS[kind]))
        try:
            check(kind, data)
        except Exception as error:
            error.add_note(f"kind {kind}, seed {seed}, input {data!r}: save it with `python -m fuzz.save {kind} FILE`")
            raise


def test_inputs_of_one_kind_do_not_upset_another(rounds: Rounds) -> None:
    kinds = sorted(KINDS)
    for seed in rounds():
        rng = Random(seed)
        check(rng.choice(kinds), rng.choice(SEEDS[rng.choice(kinds)]))
