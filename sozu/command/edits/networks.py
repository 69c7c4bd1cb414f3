"""Lists of addresses and networks: `10.0.0.0/8`, `192.0.2.7`, `2001:db8::/32`. IPv4 that is written as IPv6 (RFC 4291 2.5.5.2) is IPv4, in both."""

from collections.abc import Iterable
from functools import lru_cache
import ipaddress
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED: Final = 96  # bits before the IPv4 address in ::ffff:192.0.2.7


class BadNetwork(ValueError):
    """Not a network; the text says why and what would be one."""


def normal_network(text: str) -> str:
    """The one spelling of a network; of an address, the address. Raises BadNetwork."""
    try:
        # Strict: `10.0.0.1/8` may mean the address or the network, so the message says which network it would be.
        network = _network(text)
    except ValueError as error:
        raise BadNetwork(_why_no_network(text)) from error
    # An address is written without its /32 or /128, as people write it; both spellings are one fact.
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _network(text: str) -> Network:
    """Raises ValueError."""
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv4Network) or network.prefixlen < _MAPPED:
        return network
    first = network.network_address.ipv4_mapped
    # Addresses are brought to IPv4 before they are looked for, so as IPv6 it would hold none: whoever `deny_from` is to keep out came in.
    return network if first is None else ipaddress.IPv4Network((first, network.prefixlen - _MAPPED))


def _why_no_network(text: str) -> str:
    try:
        return f'"{text}" is an address in a network: the network is "{normal_network(str(ipaddress.ip_network(text, strict=False)))}"'
    except ValueError:
        return f'"{text}" is neither an IP address nor a network, as in "192.0.2.7" or "10.0.0.0/8"'


class Networks:
    """A list of them. An IPv4 address written as IPv6 (`::ffff:192.0.2.7`) is the IPv4 address."""

    __slots__ = ("_networks", "holds")

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks: list[Network] = [_network(text) for text in texts]
        # For each list its own: around the method in the class it would be one for all lists, and keep each of them alive. Clients choose the
        # addresses, so it is bounded.
        self.holds = lru_cache(maxsize=1024)(self._holds)

    def _holds(self, address: bytes) -> bool:
        """Is this address, without brackets, in one of them? What is no address is in none."""
        try:
            # Clients of unix sockets have an empty address: they are in no list, and so pass `deny_from` and not `allow_from`.
            found = ipaddress.ip_address(address.decode("ascii"))
        except ValueError:
            return False
        # Our own listeners take IPv6 alone at `[::]`, but a PROXY header or X-Forwarded-For may spell an IPv4 client so (RFC 4291 2.5.5.2): without
        # this a rule for 10.0.0.0/8 would not hold for it.
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks if network.version == found.version)
