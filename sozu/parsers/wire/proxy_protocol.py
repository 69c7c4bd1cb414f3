"""PROXY protocol of either version: which one a connection speaks shows in its first byte.

A connection that begins otherwise is an Error at once, never Incomplete: who expects the header learns of plain HTTP without waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sozu.parsers.combinators import alt
from sozu.parsers.wire.proxy_v1 import proxy_v1, write_v1
from sozu.parsers.wire.proxy_v2 import proxy_v2, write_v2

if TYPE_CHECKING:
    from sozu.parsers.wire.proxy_header import ProxyHeader

# "P" or CR: the first byte parts the two. Plain HTTP is an error at its first byte as a rule, else where it parts from PROXY: `POST` at the second,
# `PROPFIND` at the fourth.
proxy_protocol = alt(proxy_v1, proxy_v2)


def write_proxy_header(header: ProxyHeader) -> bytes:
    """The bytes in the version that the header names."""
    return write_v1(header) if header.version == 1 else write_v2(header)
