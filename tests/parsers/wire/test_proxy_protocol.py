from sozu.parsers.wire.proxy_header import Endpoint, Family, ProxyHeader, Transport
from sozu.parsers.wire.proxy_protocol import proxy_protocol, write_proxy_header
from tests.parsers.three_ways import reads, refuses


def header(version: int) -> ProxyHeader:
    return ProxyHeader(
        version,
        family=Family.INET,
        transport=Transport.STREAM,
        source=Endpoint("192.0.2.1", 1),
        destination=Endpoint("192.0.2.2", 2),
    )


def test_each_version_is_known_by_its_beginning() -> None:
    for version in (1, 2):
        reads(proxy_protocol, write_proxy_header(header(version)), header(version), after=b"GET /")


def test_anything_else_is_an_error_at_once() -> None:
    refuses(proxy_protocol, b"GET / HTTP/1.1\r\n", 0)
    refuses(proxy_protocol, b"\x16\x03\x01", 0)
    refuses(proxy_protocol, b"PRI * HTTP/2.0", 2)
