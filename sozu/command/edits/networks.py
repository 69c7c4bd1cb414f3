"""Lists of addresses and networks: `10.0.0.0/8`, `192.0.2.7`, `2001:db8::/32`."""

from collections.abc import Iterable
from functools import lru_cache
import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadNetwork(ValueError):
    """Not a network; the text says why and what would be one."""


def normal_network(text: str) -> str:
    """The one spelling of a network; of an address, the address. Raises BadNetwork."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise BadNetwork(_why_no_network(text)) from error
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _why_no_network(text: str) -> str:
    try:
        return f'"{text}" is an address in a network: the network is "{ipaddress.ip_network(text, strict=False)}"'
    except ValueError:
        return f'"{text}" is neither an IP address nor a network, as in "192.0.2.7" or "10.0.0.0/8"'


class Networks:
    """A list of them. An IPv4 address written as IPv6 (`::ffff:192.0.2.7`) is the IPv4 address."""

    __slots__ = ("_networks", "holds")

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks: list[Network] = [ipaddress.ip_network(text) for text in texts]
        self.holds = lru_cache(maxsize=1024)(self._holds)

    def _holds(self, address: bytes) -> bool:
        """Is this address, without brackets, in one of them? What is no address is in none."""
        try:
            found = ipaddress.ip_address(address.decode("ascii"))
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks if network.version == found.version)
