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

A, CNAME, AAAA, INTERNET = 1, 5, 28, 1
RECURSIVE: Final = 0x0100
RESPONSE, TRUNCATED, CODE = 0x8000, 0x0200, 0x000F
# RFC 1035 2.3.4: a name has at most 255 bytes, and a label takes two at least.
MOST_LABELS: Final = 127
# The count is the sender's word. 16 bits of it could demand 65,535 records of a parser that takes each by combinators; of addresses and aliases for
# one name nobody has so many.
MOST_RECORDS: Final = 256


class Record(msgspec.Struct, frozen=True):
    """`ttl` in seconds; `data` is an address for A (4 bytes) and AAAA (16 bytes)."""

    kind: int
    ttl: int
    data: bytes


class DnsAnswer(msgspec.Struct, frozen=True):
    """`code` 0 is success, 3 no such name; a truncated answer is to be asked for again by TCP."""

    # The identity of the question. Whoever asks compares it with his own and drops what does not fit: by UDP anybody may answer (RFC 5452).
    number: int
    code: int
    truncated: bool
    records: tuple[Record, ...]


# RFC 1035 4.1.4: the two top bits of a length are 00 for a label of up to 63 bytes and 11 for a pointer, which ends the name; 01 and 10 are reserved.
# So the first byte tells which it is, and a byte of 64 to 191 is an error.
label = length_data(map_(one_of(range(1, 64)), lambda size: size[0]))
name = seq(times(label, 0, MOST_LABELS), alt(tag(b"\0"), seq(one_of(range(0xC0, 0x100)), take(1))))
# RFC 1035 4.1.2: QNAME QTYPE QCLASS; 4.1.3: NAME TYPE CLASS TTL RDLENGTH RDATA. The name of a record may be an alias's, so it is not compared with
# ours; whose answer this is the identity says.
question = seq(name, be_u16, be_u16)
record = map_(seq(name, be_u16, be_u16, be_u32, length_data(be_u16)), lambda parts: Record(parts[1], parts[3], parts[4]))
START: Final = fuse(seq(be_u16, be_u16, be_u16, be_u16, be_u16, be_u16))

dns_answer = START.bind(
    lambda start: map_(
        seq(times(question, start[2], start[2]), times(record, start[3], start[3])),
        lambda parts: DnsAnswer(start[0], start[1] & CODE, bool(start[1] & TRUNCATED), tuple(parts[1])),
    )
    # A question that comes back as it was sent (QR not set) is no answer. We ask one question at a time, so more of them are somebody else's. The
    # sections for authorities and others stand behind what is wanted, and are not read.
    if start[1] & RESPONSE and start[2] <= 1 and start[3] <= MOST_RECORDS
    else fail("a response to one question, of 256 records at most")
)


def write_query(identity: int, host: bytes, kind: int) -> bytes:
    """A question for the A or AAAA records of a host (labels of 1 to 63 bytes), to a resolver that asks others for us."""
    # RD is set: what is asked is a resolver, which follows aliases for us; so no second question has to be asked for a CNAME.
    labels = b"".join(bytes([len(each)]) + each for each in host.rstrip(b".").split(b"."))
    start = b"".join(each.to_bytes(2, "big") for each in (identity, RECURSIVE, 1, 0, 0, 0))
    return b"%b%b\0%b%b" % (start, labels, kind.to_bytes(2, "big"), INTERNET.to_bytes(2, "big"))
