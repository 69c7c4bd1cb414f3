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

# These end at any hop. The quick grammar of Connection below relies on it: its options name fields that are cut anyway.
ALWAYS_DROPPED: Final = frozenset((b"connection", b"keep-alive", b"upgrade"))

# What a client or an origin says about its own connection, or about who the client is, ends here (RFC 9110 section 7.6.1).
DROPPED_FROM_REQUESTS: Final = frozenset(
    b"connection keep-alive proxy-connection te upgrade http2-settings forwarded x-forwarded-for x-forwarded-proto "
    b"x-forwarded-port x-forwarded-host sozu-id client-cert client-cert-chain".split()
)
DROPPED_FROM_RESPONSES: Final = frozenset(b"connection keep-alive proxy-connection te upgrade sozu-id".split())

LONGEST_LENGTH: Final = 18  # digits


def host_fault(value: bytes) -> int | None:
    """Host = uri-host [ ":" port ] (RFC 9110 section 7.2)."""
    found = parse_authority(value)
    return found.position if isinstance(found, Error) else None


def length_fault(value: bytes) -> int | None:
    """Content-Length = 1*DIGIT (RFC 9110 section 8.6); 18 digits at most, so that no one's integer overflows."""
    digits = len(value) - len(value.lstrip(DIGIT))
    if digits < len(value) or not value:
        return digits
    return LONGEST_LENGTH if digits > LONGEST_LENGTH else None


def coding_fault(value: bytes) -> int | None:
    """Transfer-Encoding: `chunked` and nothing else (RFC 9112 section 6.1)."""
    return None if value.lower() == b"chunked" else 0


def no_fault(_: bytes) -> int | None:
    """Any field value will do."""
    return None


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


REQUEST_SLOTS: Final = (HOST, LENGTH, CODING, CONNECTION, plain_slot(b"expect"), plain_slot(b"upgrade"))
RESPONSE_SLOTS: Final = (LENGTH, CODING, CONNECTION, plain_slot(b"upgrade"))
