"""No input costs more than its length: from 16 KB to 256 KB the time for a byte stays the same, and one byte at a time is linear."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from sozu.parsers import Complete, run
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.console.messages import request_reader
from sozu.parsers.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL, LARGE = 16 * 1024, 256 * 1024
TRIES, ENOUGH = 3, 0.1  # seconds
SLOW = 500e-9  # seconds a byte
STEEPEST = 3.0  # linear is 1, quadratic 16; the rest is the noise of a busy machine

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
HOSTILE: dict[str, tuple[str, bytes, bytes, bytes]] = {
    "short fields": ("request", HEAD, b"a:b\r\n", b"\0"),
    "one long value": ("request", HEAD + b"X: ", b"x", b"\0"),
    "blanks in a value": ("request", HEAD + b"X: ", b" x", b"\0"),
    "blanks alone": ("request", HEAD + b"X:", b" ", b"\0"),
    "a long target": ("request", b"GET /", b"%", b"\0"),
    "a long method": ("request", b"", b"G", b"\0"),
    "a long reason": ("response", b"HTTP/1.1 200 ", b"x ", b"\0"),
    "almost a known name": ("request", HEAD, b"Content-Lengt: 1\r\n", b"\0"),
    "chunks": ("chunked", b"", b"1\r\nx\r\n", b"z"),
    "extensions": ("chunked", b"1", b";a=b", b"\0"),
    "quoted extensions": ("chunked", b'1;a="', b'\\"', b"\0"),
    "blanks in extensions": ("chunked", b"1", b" ", b"\0"),
    "trailers": ("chunked", b"0\r\n", b"a:b\r\n", b"\0"),
    "authority": ("uri", b"http://", b"%41", b"\0"),
    "path": ("uri", b"/", b"a", b"\0"),
    "forwarded": ("forwarded", b"for=a", b";for=a", b"\0"),
    "forwarded quotes": ("forwarded", b'for="', b'\\"', b"\0"),
    "commas": ("connection", b"", b",", b"\0"),
    "blanks and commas": ("connection", b"a", b" ,", b"\0"),
    "cookies": ("cookie", b"a=b", b";a=b", b"\0"),
    "parameters": ("te", b"a", b";a=b", b"\0"),
    "base64": ("basic", b"Basic ", b"QUFB", b"\0"),
    "frames": ("command", b"", b"x", b""),
}


def seconds(call: Callable[[], object]) -> float:
    """The best of a few tries; what takes long is measured well by one."""
    tries: list[float] = []
    while len(tries) < TRIES and sum(tries) < ENOUGH:
        started = perf_counter()
        call()
        tries.append(perf_counter() - started)
    return min(tries)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_inputs_cost_what_their_length_costs(name: str) -> None:
    kind, before, middle, after = HOSTILE[name]

    def cost(size: int) -> float:
        data = Complete(before + middle * (size // len(middle)) + after)
        return seconds(lambda: run(KINDS[kind], data)) / size

    # What runs step by step is a hundred times slower, and as linear over a shorter way.
    small, large = (SMALL, LARGE) if cost(1024) < SLOW else (SMALL // 4, LARGE // 4)
    assert any(cost(large) < STEEPEST * cost(small) for _ in range(TRIES))


@pytest.mark.parametrize(
    ("begin", "middle"),
    [
        (HEAD, b"X: y\r\n"),
        (HEAD + b"X: ", b"y"),
        (b"GET /", b"a"),
    ],
)
def test_a_head_that_drips_in_costs_what_its_length_costs(begin: bytes, middle: bytes) -> None:
    def cost(size: int) -> float:
        data = begin + middle * (size // len(middle))

        def drip() -> None:
            reader = request_reader()
            for at in range(len(data)):
                reader.feed(data[at : at + 1])

        return seconds(drip) / len(data)

    size = 700 if middle == b"X: y\r\n" else 7000  # bytes; 128 fields are the most there may be
    cost(64)
    assert any(cost(size) < STEEPEST * cost(350) for _ in range(TRIES))


@pytest.mark.parametrize("chunk", [b"1\r\nx\r\n", b"1;" + b"a" * 40 + b"\r\nx\r\n"])
def test_a_chunked_body_that_drips_in_costs_what_its_length_costs(chunk: bytes) -> None:
    def cost(count: int) -> float:
        data = chunk * count

        def drip() -> None:
            reader = ChunkedReader(limit_extensions=1 << 30)
            for at in range(len(data)):
                reader.feed(data[at : at + 1])

        return seconds(drip) / len(data)

    cost(4)
    assert any(cost(640) < STEEPEST * cost(40) for _ in range(TRIES))
