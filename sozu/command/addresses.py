"""Addresses as users write them: `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/app.sock`. Text in, (family, sockaddr) out.

No name is ever resolved here: a proxy that asks DNS for its own configuration stops when DNS does. A backend may have one (`named_address`);
workers look it up while they serve.
Two spellings of one address give one `Address`, and `str(address)` is the spelling that keys and messages use.
"""

from dataclasses import dataclass
import ipaddress
import re
import socket

from sozu.command.remembering import remembered

NAME_LIMIT = 253  # RFC 1035 section 2.3.4, less the root
LAST_PORT = 65535
UNIX_PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path, less the NUL (unix(7))

_LOCAL = "localhost"
# No leading zeros: C's inet_aton reads 010 as eight, Python as nothing at all, and a proxy must not connect elsewhere than its
# user's tools.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
# As nearly all are written, and as the state spells them: of ten thousand each is read several times, and `ipaddress` takes ten times as long.
_USUAL = re.compile(rf"({_OCTET}(?:[.]{_OCTET}){{3}}):(0|[1-9][0-9]{{0,4}})")
# The first one is never written `/1`: each listener has one spelling, since it is the key under which the state holds it.
_NUMBERED = re.compile(r"(.*:0)/([2-9]|[1-9][0-9]{1,3})")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Two letters at least, the first of them no digit: a mistyped IP address ("10.0.0.300") is refused, and not asked of DNS for ever.
_LAST_LABEL = re.compile(r"[a-z].")


class BadAddress(ValueError):
    """Not an address; the text says why and what would be one."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or connect. `host` is an IP address or a file's path; `port` is 0 for a path.

    Of several listeners of one host whose ports the kernel chooses (`127.0.0.1:0`) each has a `number`: the second one is `127.0.0.1:0/2`.
    """

    family: socket.AddressFamily
    host: str
    port: int = 0
    number: int = 1

    @property
    def sockaddr(self) -> str | tuple[str, int]:
        """What `bind` and `connect` take."""
        return self.host if self.family is socket.AF_UNIX else (self.host, self.port)

    def __str__(self) -> str:
        match self.family:
            case socket.AF_UNIX:
                return f"unix:{self.host}"
            case socket.AF_INET6:
                return f"[{self.host}]:{self.port}{self._which}"
            case _:
                return f"{self.host}:{self.port}{self._which}"

    @property
    def _which(self) -> str:
        return "" if self.number == 1 else f"/{self.number}"

    def next(self) -> "Address":
        """One more listener of this host whose port the kernel chooses."""
        return Address(self.family, self.host, 0, self.number + 1)

    def with_port(self, port: int) -> "Address":
        """The same host at another port: what a listener at port 0 becomes once the kernel has chosen."""
        # Without the number, which only told several of port 0 apart: from here on the port does.
        return Address(self.family, self.host, port)


def parse_address(text: str) -> Address:
    """Read `IPv4:port`, `[IPv6]:port` or `unix:/path`. Port 0 is let through: only a listener may have it.

    Raises BadAddress.
    """
    # First, and with the result made by hand: a start with ten thousand clusters reads each backend's address several times.
    usual = _USUAL.fullmatch(text)
    if usual is not None and int(usual[2]) <= LAST_PORT:
        return Address(socket.AF_INET, usual[1], int(usual[2]))
    # Before anything looks for colons: a file's path may hold what looks like a port.
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"))
    numbered = _NUMBERED.fullmatch(text)
    if numbered is not None:
        unnumbered = parse_address(numbered[1])
        return Address(unnumbered.family, unnumbered.host, 0, int(numbered[2]))
    host, colon, port = text.rpartition(":")
    # `::1` without brackets would else be the host ":" with port 1; whoever wrote it meant an address without a port.
    if not colon or host.endswith(":"):
        raise BadAddress(_without_port(text))
    if host.startswith("["):
        return _ipv6(host, _port(port))
    return _ipv4(host, _port(port))


def named_address(text: str) -> tuple[str, int] | None:
    """`name:port` as (name in lower case, port), if it is one that DNS may know; only backends may be given so.

    The last label begins with a letter and has two at least: what was meant as an IP address is none of these. `localhost` is not for DNS to know, and
    means two addresses of which a service often has but one: say which.
    """
    if is_usual(text):
        return None
    host, colon, port = text.rpartition(":")
    name = host.lower()
    labels = name.split(".")
    sound = len(name) <= NAME_LIMIT and all(_LABEL.fullmatch(label) for label in labels) and _LAST_LABEL.match(labels[-1]) and name != _LOCAL
    if not (colon and sound and port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= LAST_PORT):
        return None
    return name, int(port)


@remembered(1024)  # whoever puts an address into the state asks this some times in a row
def is_usual(text: str) -> bool:
    """Is it an IPv4 address with its port, in its one spelling already?"""
    usual = _USUAL.fullmatch(text)
    return usual is not None and int(usual[2]) <= LAST_PORT


def has_port_0(text: str) -> bool:
    """Does the kernel choose the port? What is no address at all is for others to refuse."""
    try:
        parsed = parse_address(text)
    except BadAddress:
        return False
    return parsed.family is not socket.AF_UNIX and parsed.port == 0


def normal_address(text: str) -> str:
    """The one spelling of this address. Raises BadAddress."""
    return str(parse_address(text))


def _unix(path: str) -> Address:
    # The kernel takes the path up to the first NUL (unix(7)): another file than the one that every message would name.
    if "\0" in path:
        raise BadAddress("the path of a unix socket holds no NUL")
    # Absolute, since master, worker and tool each have a working directory of their own.
    if not path.startswith("/"):
        raise BadAddress(f'the path of a unix socket begins with "/": "unix:/{path.lstrip("./")}"?')
    # In bytes, as the kernel counts; a name that is no UTF-8 comes from the command line with surrogates in it (PEP 383).
    if len(path.encode("utf-8", "surrogateescape")) > UNIX_PATH_LIMIT:
        raise BadAddress(f"the path of a unix socket has at most {UNIX_PATH_LIMIT} bytes (unix(7))")
    return Address(socket.AF_UNIX, path)


def _ipv4(host: str, port: int) -> Address:
    try:
        # Not inet_aton, which takes "127.1", hexadecimal and a bare number: what people write by mistake it calls an address.
        return Address(socket.AF_INET, str(ipaddress.IPv4Address(host)), port)
    except ValueError as error:
        raise BadAddress(_why_not_ipv4(host, port)) from error


def _why_not_ipv4(host: str, port: int) -> str:
    # The most frequent mistakes first, each answered with what was meant: whoever copies a URL, a name or an address of another
    # program should not have to look for the page that explains addresses.
    if "://" in host:
        return f'an address has no scheme: "{host.partition("://")[2]}:{port}"?'
    if host.lower() == _LOCAL:
        return f'"{host}" may mean two addresses: write "127.0.0.1:{port}" or "[::1]:{port}"'
    if host in ("", "*"):
        return f'every address of this machine is "0.0.0.0:{port}" or "[::]:{port}"'
    if _is_ipv6(host):
        return f'an IPv6 address stands in brackets: "[{host}]:{port}"'
    return f'"{host}" is not an IPv4 address (of backends it may be a name that DNS knows)'


def _ipv6(bracketed: str, port: int) -> Address:
    host = bracketed[1:-1]
    if not bracketed.endswith("]") or not _is_ipv6(host):
        raise BadAddress(f'"{bracketed}" is not an IPv6 address in brackets, as in "[::1]:8080"')
    address = ipaddress.IPv6Address(host)
    # A zone is the name of an interface of this machine: one state on two machines would mean two things.
    if address.scope_id is not None:
        raise BadAddress(f'"{host}": addresses with a zone (%) are not supported')
    return Address(socket.AF_INET6, str(address), port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _port(text: str) -> int:
    # int() alone would take "+80", "8_0" and digits of other scripts.
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= LAST_PORT:
        return int(text)
    raise BadAddress(f'"{text}" is not a port: a number from 0 to 65535')


def _without_port(text: str) -> str:
    if _is_ipv6(text) or _is_ipv6(text[1:-1]):
        bare = text.strip("[]")
        return f'a port is missing: "[{bare}]:8080"?'
    if text.isascii() and text.isdigit():
        return f'a host is missing: "127.0.0.1:{text}"?'
    if text.startswith(("/", "./")):
        return f'a unix socket is written "unix:{text.lstrip(".")}"'
    return f'a port is missing: "{text}:8080"?' if text else "an address is missing"
