"""The fields that a proxy acts on: what a valid value is, whether it may come twice, and which fields end at the proxy.

Each slot has two grammars. `fault` is the rule; `quick` is a regular grammar of the values met daily, each of which the rule allows: the
pattern of slots.py holds only that. Nothing is decided here that needs two fields at once: field_rules.py and body.py do.
"""

from __future__ import annotations

from typing import Final

from sozu.parsers.abnf import DIGIT
from sozu.parsers.heads import usual
from sozu.parsers.heads.slots import Slot
from sozu.parsers.leaves import tag_no_case, take_while_m_n
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Error
from sozu.parsers.uri import parse_authority

# These end at any hop. The quick grammar of Connection below relies on it: its options name fields that are cut anyway (no message has a
# Close field: the name is reserved so that it cannot be mistaken for the option, RFC 9110 section 18.4).
ALWAYS_DROPPED: Final = frozenset((b"connection", b"keep-alive", b"upgrade", b"close"))

# TE and Upgrade do not come back by themselves: forwarding.py writes new lines for what it passes on of them. Proxy-Connection is no standard and is
# dropped because clients send it where they mean Connection (RFC 9112 appendix C.2.2). HTTP2-Settings belongs to an upgrade to h2c, which is never
# passed on. Client-Cert is ours to write (RFC 9440): from a client it would be a passport that he has written himself.
# What a client or an origin says about its own connection, or about who the client is, ends here (RFC 9110 section 7.6.1).
DROPPED_FROM_REQUESTS: Final = frozenset(
    b"connection keep-alive proxy-connection te upgrade http2-settings forwarded x-forwarded-for x-forwarded-proto "
    b"x-forwarded-port x-forwarded-host x-forwarded-prefix sozu-id client-cert client-cert-chain".split()
)
DROPPED_FROM_RESPONSES: Final = frozenset(b"connection keep-alive proxy-connection te upgrade sozu-id".split())

# Eighteen nines are below 2^63, nineteen are not: with one digit more an origin that counts in signed 64 bits could see another length than we do.
LONGEST_LENGTH: Final = 18  # digits


def host_fault(value: bytes) -> int | None:
    """Host = uri-host [ ":" port ] (RFC 9110 section 7.2)."""
    found = parse_authority(value)
    return found.position if isinstance(found, Error) else None


def length_fault(value: bytes) -> int | None:
    """Content-Length = 1*DIGIT (RFC 9110 section 8.6); 18 digits at most, so that no one's integer overflows."""
    # By class and not by int(), which takes `+3`, `1_0` and blanks around a number: spellings that others refuse or read as another number.
    digits = len(value) - len(value.lstrip(DIGIT))
    if digits < len(value) or not value:
        return digits
    return LONGEST_LENGTH if digits > LONGEST_LENGTH else None


def coding_fault(value: bytes) -> int | None:
    """Transfer-Encoding: `chunked` and nothing else (RFC 9112 section 6.1)."""
    # `gzip, chunked` is legal and refused: an origin that knows only one of the two finds another end of the body. Where `chunked` is not last, RFC
    # 9112 6.3 (4) lets a response end with its connection and a request nowhere; one exact word leaves no such case.
    return None if value.lower() == b"chunked" else 0


def no_fault(_: bytes) -> int | None:
    """Any field value will do."""
    return None


# RFC 9112 3.2: a request with more than one Host line, or with an invalid value, MUST be answered by 400. Which of two hosts is routed and which one
# the origin serves would be anybody's guess.
HOST: Final = Slot(b"host", usual.host, host_fault, Reason.HOST_INVALID, Reason.HOST_TWICE)
LENGTH: Final = Slot(
    b"content-length",
    take_while_m_n(1, LONGEST_LENGTH, DIGIT),
    length_fault,
    Reason.LENGTH_INVALID,
    Reason.LENGTH_TWICE,
)
CODING: Final = Slot(
    b"transfer-encoding", tag_no_case(b"chunked"), coding_fault, Reason.CODING_UNKNOWN, Reason.CODING_TWICE
)
# Any other option may name a field that has to be cut out: field_rules.py looks.
CONNECTION: Final = Slot(b"connection", usual.connection, no_fault, Reason.FIELD_VALUE)


def plain_slot(name: bytes) -> Slot:
    """A slot for a field whose value the proxy does not look into. Several lines make one list (RFC 9110 5.3; RFC 6265 5.4 for Cookie)."""
    return Slot(name, usual.value, no_fault, Reason.FIELD_VALUE, joint=b"; " if name == b"cookie" else b", ")


# The order is that of the fields of RequestView and ResponseView behind the start line: the generated function of views.py fills them by place and
# not by name.
REQUEST_SLOTS: Final = (HOST, LENGTH, CODING, CONNECTION, plain_slot(b"expect"), plain_slot(b"upgrade"))
RESPONSE_SLOTS: Final = (LENGTH, CODING, CONNECTION, plain_slot(b"upgrade"))
