"""The header that tells a backend who its client is. Pure."""

from functools import lru_cache
from ipaddress import ip_address

from sozu.command.terms import ProxyProtocol
from sozu.parsers.wire.proxy_header import Command, Endpoint, Family, ProxyHeader, Transport
from sozu.parsers.wire.proxy_protocol import write_proxy_header

_VERSIONS = {ProxyProtocol.V1: 1, ProxyProtocol.V2: 2}
_ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - says that the address is not known in this family; nothing is bound


# Each exchange opens a connection of its own where the header is sent: the requests of one client's connection have all the same one.
@lru_cache(maxsize=1024)
def proxy_header(version: ProxyProtocol, client: bytes, listener: str) -> bytes:
    """`client` is `IP:port` with IPv6 in brackets, or empty if it has no address (a unix socket): then nobody is named."""
    number = _VERSIONS[version]
    if not client:
        # Version 1 has no LOCAL: a PROXY without addresses is written as UNKNOWN, which says the same.
        return write_proxy_header(ProxyHeader(number, Command.LOCAL if number == 2 else Command.PROXY))
    source = _endpoint(client.decode())
    # A unix socket has no address that a header could name beside the client's; port 0 says as much.
    destination = Endpoint(_ANY[_kind(source)], 0) if listener.startswith("unix:") else _endpoint(listener)
    # A header has one family for both addresses. The client's is the one that matters; of the destination the port stays.
    if _kind(source) != _kind(destination):
        destination = Endpoint(_ANY[_kind(source)], destination.port)
    family = Family.INET if _kind(source) == 4 else Family.INET6
    return write_proxy_header(ProxyHeader(number, Command.PROXY, family, Transport.STREAM, source, destination))


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    return Endpoint(host.strip("[]"), int(port))


def _kind(endpoint: Endpoint) -> int:
    return ip_address(endpoint.host).version
