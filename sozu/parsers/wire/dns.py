r"""DNS messages, as far as a resolver's client needs them (RFC 1035 section 4): one question there, addresses with their times to live back.

     0     2      4          6          8        10       12
    +-----+------+----------+----------+--------+--------+-----------+---------+
    | id  | flags| questions| answers  | others | others | questions | answers |
    +-----+------+----------+----------+--------+--------+-----------+---------+
Names in answers are skipped: a resolver answers what it was asked, with the aliases (CNAME) on the way and the addresses at their end. So pointers
into the message (section 4.1.4) are never followed, and cannot go round in circles.
"""

from __future__ import annotations

from typing import Final

import msgspec
from parsy import fail

from sozu.parsers.combinators import alt, length_data, map_, seq, times
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import be_u16, be_u32, one_of, tag, take

A, AAAA, INTERNET = 1, 28, 1
RECURSIVE: Final = 0x0100
RESPONSE, TRUNCATED, CODE = 0x8000, 0x0200, 0x000F
MOST_LABELS: Final = 127
MOST_RECORDS: Final = 256


class Record(msgspec.Struct, frozen=True):
    """`ttl` in seconds; `data` is an address for A (4 bytes) and AAAA (16 bytes)."""

    kind: int
    ttl: int
    data: bytes


class DnsAnswer(msgspec.Struct, frozen=True):
    """`code` 0 is success, 3 no such name; a truncated answer is to be asked for again by TCP."""

    number: int
    code: int
    truncated: bool
    records: tuple[Record, ...]


label = length_data(map_(one_of(range(1, 64)), lambda size: size[0]))
name = seq(times(label, 0, MOST_LABELS), alt(tag(b"\0"), seq(one_of(range(0xC0, 0x100)), take(1))))
question = seq(name, be_u16, be_u16)
record = map_(seq(name, be_u16, be_u16, be_u32, length_data(be_u16)), lambda parts: Record(parts[1], parts[3], parts[4]))
START: Final = fuse(seq(be_u16, be_u16, be_u16, be_u16, be_u16, be_u16))

dns_answer = START.bind(
    lambda start: map_(
        seq(times(question, start[2], start[2]), times(record, start[3], start[3])),
        lambda parts: DnsAnswer(start[0], start[1] & CODE, bool(start[1] & TRUNCATED), tuple(parts[1])),
    )
    if start[1] & RESPONSE and start[2] <= 1 and start[3] <= MOST_RECORDS
    else fail("a response to one question, of 256 records at most")
)


def write_query(identity: int, host: bytes, kind: int) -> bytes:
    """A question for the A or AAAA records of a host (labels of 1 to 63 bytes), to a resolver that asks others for us."""
    labels = b"".join(bytes([len(each)]) + each for each in host.rstrip(b".").split(b"."))
    start = b"".join(each.to_bytes(2, "big") for each in (identity, RECURSIVE, 1, 0, 0, 0))
    return b"%b%b\0%b%b" % (start, labels, kind.to_bytes(2, "big"), INTERNET.to_bytes(2, "big"))
