"""Heads of requests and responses, from a stream: `receiving` reads them, `remembering` spares reading those that have come before."""

from sozu.proxy.heads.receiving import (
    DATE,
    END,
    REQUEST_VIEW,
    RESPONSE_VIEW,
    TE,
    TRUSTING_VIEW,
    USER_AGENT,
    BadHead,
    HeadEnded,
    Heads,
)
from sozu.proxy.heads.remembering import LONGEST_REMEMBERED, Memory

__all__ = [
    "DATE",
    "END",
    "LONGEST_REMEMBERED",
    "REQUEST_VIEW",
    "RESPONSE_VIEW",
    "TE",
    "TRUSTING_VIEW",
    "USER_AGENT",
    "BadHead",
    "HeadEnded",
    "Heads",
    "Memory",
]
