"""Who counts as one client where limits are for each: an IPv4 address, or the /64 of an IPv6 one, which is what one customer has at the least (RFC 6177). Pure."""

from functools import lru_cache
from ipaddress import IPv6Address
from typing import Final

_NETWORK: Final = 8  # bytes
_KNOWN: Final = 4096


@lru_cache(_KNOWN)
def counted_as(client: bytes) -> bytes:
    """`client` is `IP:port`, IPv6 in brackets; empty, as for all of a unix socket, it is one client."""
    address = client.rpartition(b":")[0]
    if not address.startswith(b"["):
        return address
    packed = IPv6Address(address[1:-1].decode()).packed
    # A listener on [::] may see IPv4 clients as ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2). By their first half all of IPv4 would be one client.
    mapped = IPv6Address(packed).ipv4_mapped
    return str(mapped).encode() if mapped is not None else packed[:_NETWORK]
