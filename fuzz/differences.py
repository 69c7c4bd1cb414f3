"""Every known difference between us and h11 or httptools, and why we stay with it: corpus/differences.tsv, and limits here.

One row says: where we answer `ours` to the first message of a stream, these peers answer `theirs`. `ours` is a reason code of ours, ACCEPT or
INCOMPLETE; `theirs` is ACCEPT, OTHER, or the peer's words up to the first colon. `at` (escaped as in source code, - for anything) narrows
a row to the bytes that may stand where we stop, `only` to inputs that hold these bytes in either case. `sample` is of the first of `kinds`.
test_differential.py fails on a difference that is not listed, and on a row whose sample no longer shows it.

Where both accept a message it is the same one: start line, fields, body. Two exceptions, both llhttp's, have OTHER in their row.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from sozu.parsers.console.escapes import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE: Final = Path(__file__).parent / "corpus" / "differences.tsv"
ACCEPT: Final = "accept"
INCOMPLETE: Final = "incomplete"
OTHER: Final = "another message"  # both accept, but not the same
HEAD: Final = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED: Final = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Difference(msgspec.Struct, frozen=True):
    """One row."""

    peers: tuple[str, ...]
    kinds: tuple[str, ...]
    ours: str
    sample: bytes
    why: str
    theirs: str = ACCEPT
    at: bytes | None = None
    only: bytes = b""

    def covers(self, peer: str, kind: str, answers: tuple[str, str], data: bytes, at: bytes) -> bool:
        """Is this the difference in question? `answers` are ours and theirs, `at` is the byte where we stop."""
        named = peer in self.peers and kind in self.kinds and answers == (self.ours, self.theirs)
        return named and (self.at is None or at in self.at) and self.only in data.lower()


def listed() -> Iterator[Difference]:
    """The rows of the table."""
    for line in TABLE.read_text().splitlines()[1:]:
        peers, kinds, ours, theirs, at, only, sample, why = line.split("\t")
        yield Difference(
            tuple(peers.split()),
            tuple(kinds.split()),
            ours,
            unescaped(sample),
            why,
            theirs,
            None if at == "-" else unescaped(at),
            b"" if only == "-" else unescaped(only),
        )


def limit(ours: str, sample: bytes, why: str) -> Difference:
    """A bound of ours that the peers do not have, or that they have elsewhere."""
    return Difference(("h11", "httptools"), ("request", "response"), ours, sample, why)


LIMITS: Final = (
    limit(
        "target-too-long",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "theirs is the head's, or their user's matter",
    ),
    limit(
        "head-too-large", HEAD + b"X: " + b"a" * 17000 + b"\r\n\r\n", "h11 bounds what it has to hold, llhttp nothing"
    ),
    limit("too-many-fields", HEAD + b"a:b\r\n" * 200 + b"\r\n", "no bound but the head's"),
    limit("chunk-line-too-long", CHUNKED + b"1;" + b"a" * 1100 + b"\r\nx\r\n0\r\n\r\n", "no bound on extensions"),
    limit(
        "chunk-extensions-too-large",
        CHUNKED + (b"1;" + b"a" * 900 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n",
        "no bound on extensions",
    ),
    limit(
        "trailers-too-large",
        CHUNKED + b"0\r\n" + (b"X: " + b"a" * 900 + b"\r\n") * 10 + b"\r\n",
        "no bound on trailers",
    ),
)
DIFFERENCES: Final = (*listed(), *LIMITS)
