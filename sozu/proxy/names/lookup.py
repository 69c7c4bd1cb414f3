"""Which addresses has a host, and for how long does that hold? Lets other greenlets run meanwhile.

First the machine's own table (/etc/hosts), then the resolvers of /etc/resolv.conf, asked over UDP by ourselves: only so the time to live is known. Where they
know nothing, the system's own way (search domains, other sources) is tried in a thread, and believed for a while. No thread is used otherwise: a lookup costs two packets.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

import gevent
from gevent import socket
import gevent.resolver.thread  # getaddrinfo imports these when it is first called, which in a confined worker is too late
import gevent.threadpool

from sozu.parsers.result import Done, run
from sozu.parsers.wire.dns import AAAA, CNAME, A, DnsAnswer, dns_answer, write_query

HOSTS, RESOLVERS = Path("/etc/hosts"), Path("/etc/resolv.conf")
TOLD: Final[dict[Path, str]] = {}  # what the master says that they say: a file that has taken the place of another cannot be read here
PORT: Final = 53
PATIENCE: Final = 2.0  # seconds for each resolver
UNKNOWN_TTL: Final = 30.0
LARGEST: Final = 4096

_chance: Final = SystemRandom()


class NoAddress(Exception):
    """The host has none, or nobody could be asked; the text says which."""


@dataclass(frozen=True, slots=True)
class Found:
    """IP addresses in a fixed order, IPv4 first, and for how many seconds they hold."""

    addresses: tuple[str, ...]
    ttl: float


def look_up(host: str) -> Found:
    """The addresses of this host. Raises NoAddress."""
    # In the order of nsswitch.conf's usual `files dns`: who writes a name there means to overrule DNS.
    if found := in_hosts(host, _text(HOSTS)):
        return Found(found, UNKNOWN_TTL)
    failure = "no resolver is known"
    for resolver in resolvers(_text(RESOLVERS)):
        try:
            return ask(resolver, host)
        except NoAddress as none:
            # The last resolver's words are what the log tells, should the system know nothing either.
            failure = str(none)
    return _as_the_system_does(host, failure)


def ask(resolver: tuple[str, int], host: str) -> Found:
    """What this resolver says. Raises NoAddress."""
    # One kind in a question: a message with two of them is legal by its format, but resolvers do not answer it.
    answers = [_ask(resolver, host.encode(), kind) for kind in (A, AAAA)]
    records = [record for answer in answers for record in answer.records]
    wanted = [record for record in records if len(record.data) == {A: 4, AAAA: 16}.get(record.kind)]
    if not wanted:
        raise NoAddress(f"{host} has no address (DNS code {answers[0].code})")
    # An alias on the way may end before the addresses that it leads to: who fails over by an alias gives it seconds, and its addresses an hour.
    shortest = min(record.ttl for record in records if record.kind in (A, AAAA, CNAME))
    return Found(_ordered(str(ip_address(record.data)) for record in wanted), float(shortest))


def _ask(resolver: tuple[str, int], host: bytes, kind: int) -> DnsAnswer:
    identity = _chance.randrange(1 << 16)  # not to be guessed, or strangers could answer (RFC 5452); so is the port, which the kernel chooses
    query = write_query(identity, host, kind)
    try:
        # Over UDP and TCP together, so that no resolver can hold the greenlet for longer whatever it does.
        with gevent.Timeout(PATIENCE):
            answer = _by_udp(resolver, query, identity)
            return _by_tcp(resolver, query, identity) if answer.truncated else answer
    except (OSError, gevent.Timeout) as error:
        raise NoAddress(f"resolver {resolver[0]}: {error}") from error


def _by_udp(resolver: tuple[str, int], query: bytes, identity: int) -> DnsAnswer:
    with socket.socket(_family(resolver), socket.SOCK_DGRAM) as sock:
        # Connected, a datagram socket takes packets of this address and port alone, and hears at once that nobody listens there (ECONNREFUSED).
        sock.connect(resolver)
        sock.send(query)
        while True:
            # One with another number, or none at all, may be somebody's guess at ours: it ends nothing, the right one may still come.
            answer = _read(sock.recv(LARGEST), identity)
            if answer is not None:
                return answer


def _by_tcp(resolver: tuple[str, int], query: bytes, identity: int) -> DnsAnswer:
    """RFC 1035 section 4.2.2: the same behind its length."""
    with socket.create_connection(resolver) as sock:
        sock.sendall(len(query).to_bytes(2, "big") + query)
        # A file reads as many bytes as it is asked for, where `recv` gives what is there: TCP may cut an answer anywhere.
        with sock.makefile("rb") as file:
            size = int.from_bytes(file.read(2), "big")
            answer = _read(file.read(size), identity)
    if answer is None:
        raise NoAddress(f"resolver {resolver[0]}: not an answer")
    return answer


def _read(data: bytes, identity: int) -> DnsAnswer | None:
    # Behind the answers there may be more (authority, other records): it is not looked at, and need not be right.
    outcome: Any = run(dns_answer, data)
    return outcome.value if isinstance(outcome, Done) and outcome.value.number == identity else None


def _as_the_system_does(host: str, failure: str) -> Found:
    try:
        # Without a type there would be a row for streams, datagrams and raw sockets each.
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)  # gevent's: its threads wait, not the loop
    except OSError as error:
        raise NoAddress(failure) from error
    # A scope (fe80::1%eth0) names an interface of this machine; backends are addressed without.
    addresses = _ordered(str(row[4][0]) for row in rows if row[0] in (socket.AF_INET, socket.AF_INET6) and "%" not in str(row[4][0]))
    if not addresses:
        raise NoAddress(failure)
    return Found(addresses, UNKNOWN_TTL)


def _ordered(addresses: Iterable[str]) -> tuple[str, ...]:
    # Resolvers turn the order with each answer (RFC 1794), getaddrinfo may change it too (RFC 6724); the same addresses are to look the same.
    return tuple(sorted(set(addresses), key=lambda each: (":" in each, each)))


def in_hosts(host: str, text: str) -> tuple[str, ...]:
    """The addresses of a host in the text of /etc/hosts (hosts(5))."""
    rows = (line.partition("#")[0].split() for line in text.splitlines())
    return _ordered(row[0] for row in rows if host in [name.lower() for name in row[1:]] and _is_address(row[0]))


def resolvers(text: str) -> Iterator[tuple[str, int]]:
    """Those of the text of /etc/resolv.conf (resolv.conf(5))."""
    for line in text.splitlines():
        words = line.split()
        # Search domains and options are left to the system's own way, which is tried where no resolver knows the name as it stands.
        if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1]):
            yield words[1], PORT


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _family(resolver: tuple[str, int]) -> int:
    return socket.AF_INET6 if ":" in resolver[0] else socket.AF_INET


def _text(path: Path) -> str:
    if path in TOLD:
        # A worker may read the file that was there when it was confined; an editor or DHCP client puts a new one in its place, which the sandbox
        # does not know. So the master looks (docs/security.md).
        return TOLD[path]
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
