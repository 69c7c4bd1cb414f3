"""The differences between readers that nobody has explained: what differences.py does not list of what peers.py finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.differences import ACCEPT, DIFFERENCES, OTHER
from fuzz.peers import PEERS, Answer, Message, ours
from sozu.parsers.console.verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Iterator


def unlisted(kind: str, data: bytes) -> Iterator[str]:
    """The differences that nobody has explained."""
    mine = ours(kind, data)
    for peer, read in PEERS.items():
        found = difference(mine, read(kind, data))
        if found and not any(row.covers(peer, kind, found, data, stop(kind, data)) for row in DIFFERENCES):
            yield f"{peer} says {found[1]!r} where we say {found[0]!r} of {data!r}"


def difference(mine: Answer, theirs: Answer) -> tuple[str, str] | None:
    """Our answer and theirs, in the words of the table, if they differ; two that do not accept do not."""
    if mine == theirs or not (isinstance(mine, Message) or isinstance(theirs, Message)):
        return None
    if isinstance(mine, Message) and isinstance(theirs, Message):
        return ACCEPT, OTHER
    return word(mine), word(theirs)


def word(answer: Answer) -> str:
    """A message is accepted."""
    return ACCEPT if isinstance(answer, Message) else answer


def stop(kind: str, data: bytes) -> bytes:
    """The byte at which we stop, if there is one."""
    position = judge(kind, data).position
    return b"" if position is None else data[position : position + 1]
