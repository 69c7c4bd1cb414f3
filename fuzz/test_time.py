"""No input costs more than its length: from 16 KB to 256 KB the time for a byte stays the same, and one byte at a time is linear."""

from __future__ import annotations

from time import thread_time
from typing import TYPE_CHECKING

import pytest

from sozu.parsers import Complete, run
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.console.messages import request_reader
from sozu.parsers.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL, LARGE = 16 * 1024, 256 * 1024
TRIES = 30
SLOW = 500e-6  # seconds for 1 KB
STEEPEST = 1.25  # linear is 1, quadratic 16

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


def seconds(call: Callable[[], object], times: int = 1) -> float:
    """Of this thread alone: what the machine does besides is not counted."""
    started = thread_time()
    for _ in range(times):
        call()
    return thread_time() - started


def growth(small: Callable[[], object], large: Callable[[], object], ratio: int) -> float:
    """How much more a byte costs in an input that is `ratio` times as long: the best of each, measured in turns and over as much work."""
    best_small = best_large = found = float("inf")
    tries = 0
    while found > STEEPEST and tries < TRIES:
        best_small = min(best_small, seconds(small, ratio))
        best_large = min(best_large, seconds(large))
        found = best_large / best_small
        tries += 1
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_inputs_cost_what_their_length_costs(name: str) -> None:
    kind, before, middle, after = HOSTILE[name]

    def call(size: int) -> Callable[[], object]:
        data = Complete(before + middle * (size // len(middle)) + after)
        return lambda: run(KINDS[kind], data)

    # What runs step by step is a hundred times slower, and as linear over a shorter way.
    seconds(call(1024))
    small, large = (SMALL, LARGE) if seconds(call(1024)) < SLOW else (SMALL // 8, LARGE // 8)
    assert growth(call(small), call(large), LARGE // SMALL) < STEEPEST


@pytest.mark.parametrize(
    ("begin", "middle"),
    [
        (HEAD, b"X: y\r\n"),
        (HEAD + b"X: ", b"y"),
        (b"GET /", b"a"),
    ],
)
def test_a_head_that_drips_in_costs_what_its_length_costs(begin: bytes, middle: bytes) -> None:
    def drip(size: int) -> Callable[[], object]:
        data = begin + middle * ((size - len(begin)) // len(middle))

        def feed() -> None:
            reader = request_reader()
            for at in range(len(data)):
                reader.feed(data[at : at + 1])

        return feed

    ratio = 2 if middle == b"X: y\r\n" else 16  # 128 fields are the most there may be
    assert growth(drip(350), drip(350 * ratio), ratio) < STEEPEST


@pytest.mark.parametrize("chunk", [b"1\r\nx\r\n", b"1;" + b"a" * 40 + b"\r\nx\r\n"])
def test_a_chunked_body_that_drips_in_costs_what_its_length_costs(chunk: bytes) -> None:
    def drip(count: int) -> Callable[[], object]:
        data = chunk * count

        def feed() -> None:
            reader = ChunkedReader(limit_extensions=1 << 30)
            for at in range(len(data)):
                reader.feed(data[at : at + 1])

        return feed

    assert growth(drip(40), drip(640), 16) < STEEPEST
