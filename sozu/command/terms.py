"""The terms on which a cluster takes requests: whom they stay with, how many there may be, and when a backend is left alone.

Frozen settings like those in `facts`, of which they are parts; bounds stand beside the types, so the door, the configuration file and the
documents know them from one place. Seconds, unless a name says otherwise; shares are in percent.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

# More than nothing: of a time of zero nobody could say whether it means at once or never.
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Percent = Annotated[float, msgspec.Meta(gt=0, le=100)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Status = Annotated[int, msgspec.Meta(ge=100, le=599)]


class Term(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of what a cluster says."""


class Share(Term, frozen=True, kw_only=True):
    """So many percent of what comes to a cluster goes to another one."""

    cluster: str
    share: Percent


class Failures(Term, frozen=True, kw_only=True):
    """A backend that fails `limit` times `within` seconds is left alone for `pause` seconds; if it then fails again for twice as long, at most `longest`."""

    # 0 turns it off, so that there is no second key for that.
    limit: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 3
    within: Seconds = 10.0
    pause: Seconds = 1.0
    longest: Seconds = 60.0


class Queue(Term, frozen=True, kw_only=True):
    """So many requests may wait for a backend that has room, for so long."""

    size: Count = 100
    seconds: Seconds = 2.0


class Retries(Term, frozen=True, kw_only=True):
    """How many other backends one request may try, and how many retries there may be in all: percent of the requests."""

    most: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    budget: Percent = 100.0


class Breaker(Term, frozen=True, kw_only=True):
    """If `share` percent of at least `least` requests fail `within` seconds, all are refused for `pause` seconds; then one is let through to see."""

    share: Percent = 50.0
    least: Count = 20
    within: Seconds = 10.0
    pause: Seconds = 5.0


class CheckKind(StrEnum):
    """How a backend is asked whether it is well: by a request, or by a connection alone."""

    HTTP = "http"
    TCP = "tcp"


class Health(Term, frozen=True, kw_only=True):
    """Every `interval` each backend is asked; `fall` bad answers in a row take it out, `rise` good ones bring it back.

    A good answer to GET `path` has one of the `status`es (none: 200 to 399) and comes within `timeout`; `host` is what is asked for (empty: the address).
    """

    kind: CheckKind = CheckKind.HTTP
    # `\Z` and not `$`, which would let a line feed at the end pass: a path and a host are written into a request as they are, and a
    # line feed would begin another line of its head.
    path: Annotated[str, msgspec.Meta(pattern=r"^/[!-~]*\Z", description='a path: "/health", with a query or without, in visible ASCII characters')] = "/"
    host: Annotated[str, msgspec.Meta(pattern=r"^[!-~]*\Z", description='a host: "app.example.com", in visible ASCII characters')] = ""
    interval: Seconds = 5.0
    timeout: Seconds = 2.0
    rise: Count = 2
    fall: Count = 3
    # Empty is 200 to 399: a page that redirects has answered as well.
    status: tuple[Status, ...] = ()


class ProxyProtocol(StrEnum):
    """What tells a backend who the client is, before the first byte: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt."""

    V1 = "v1"
    V2 = "v2"
