"""What is written is read back: write∘parse = identity, for everything that a proxy has to say itself."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import TYPE_CHECKING

from sozu.parsers import Done, run
from sozu.parsers.chunked import chunked_body
from sozu.parsers.command import command_frame, frame
from sozu.parsers.console.escapes import escaped, unescaped
from sozu.parsers.fields.credentials import Credentials, basic, write_basic
from sozu.parsers.fields.dates import http_date, write_date
from sozu.parsers.fields.traceparent import TraceParent, traceparent, write_traceparent
from sozu.parsers.whole import whole
from sozu.parsers.wire.proxy_header import Endpoint, Family, ProxyHeader, Transport
from sozu.parsers.wire.proxy_protocol import proxy_protocol, write_proxy_header

if TYPE_CHECKING:
    from fuzz.conftest import Rounds


def without(rng: Random, unwanted: bytes, longest: int = 20) -> bytes:
    return rng.randbytes(rng.randint(0, longest)).translate(None, unwanted)


def address(rng: Random, family: Family) -> str:
    bits = rng.getrandbits(128 if rng.random() < 0.9 else 16)
    return str(IPv4Address(bits & 0xFFFFFFFF) if family is Family.INET else IPv6Address(bits))


def proxy_header(rng: Random) -> ProxyHeader:
    family = rng.choice([Family.INET, Family.INET6])
    source, destination = (Endpoint(address(rng, family), rng.randrange(65536)) for _ in range(2))
    return ProxyHeader(
        rng.choice([1, 2]), family=family, transport=Transport.STREAM, source=source, destination=destination
    )


def test_what_is_written_is_read_back(rounds: Rounds) -> None:
    controls = bytes(range(0x20)) + b"\x7f"
    for seed in rounds():
        rng = Random(seed)
        header = proxy_header(rng)
        assert run(proxy_protocol, written := write_proxy_header(header) + b"GET") == Done(
            written, header, len(written) - 3
        )
        payload = without(rng, b"\0")
        assert run(command_frame, frame(payload)) == Done(frame(payload), payload, len(payload) + 1)
        when = datetime.fromtimestamp(rng.randrange(2**33), UTC)
        assert whole(http_date, write_date(when)) == when
        credentials = Credentials(without(rng, controls + b":"), without(rng, controls))
        assert whole(basic, write_basic(credentials)) == credentials
        trace = TraceParent(
            b"00", b"%032x" % rng.randrange(1, 2**128), b"%016x" % rng.randrange(1, 2**64), rng.randrange(2)
        )
        assert whole(traceparent, write_traceparent(trace)) == trace
        data = rng.randbytes(rng.randint(0, 30))
        assert unescaped(escaped(data)) == data


def test_chunks_are_read_as_they_were_written(rounds: Rounds) -> None:
    for seed in rounds():
        rng = Random(seed)
        chunks = [rng.randbytes(rng.randint(1, 40)) for _ in range(rng.randrange(5))]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        outcome = run(chunked_body, body)
        assert isinstance(outcome, Done)
        assert (outcome.value.chunks, outcome.end) == (chunks, len(body))
