"""What a configuration consists of. Facts are frozen and compare by value; each has a key by which the state holds it.

They carry no behaviour: `commit` decides what may change, `routes` what a request meets, the proxy what lives.
"""

from enum import StrEnum
from typing import ClassVar

import msgspec

from sozu.command.certificates.terms import BackendTls, Tls
from sozu.command.edits.facts import AnswerPage, BasicAuth, ForwardAuth, HeaderEdit, Hsts, Rate, Redirect
from sozu.command.terms import Breaker, Failures, Health, ProxyProtocol, Queue, Retries, Share


class Protocol(StrEnum):
    """What a listener speaks to its clients."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"


class LoadBalancing(StrEnum):
    """How a cluster chooses among its backends."""

    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    LEAST_LOADED = "least_loaded"
    POWER_OF_TWO = "power_of_two"
    HRW = "hrw"
    MAGLEV = "maglev"


class LogLevel(StrEnum):
    """What the proxy says of itself, from most to least."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


# The order of the members is the order of preference: `certificates.table` walks through them.
class KeyKind(StrEnum):
    """The kind of a certificate's key, best first: of two certificates for one name a client that knows both kinds gets the first."""

    ECDSA = "ecdsa"
    ED25519 = "ed25519"
    RSA = "rsa"


# The route table asks in the order of the members.
class Position(StrEnum):
    """When a frontend is asked: before all that have another position, with nearly all, or if none of those takes the request."""

    PRE = "pre"
    TREE = "tree"
    POST = "post"


# What is a default is not written: a new field with a default changes no digest and no message of those who do not use it, and an
# older version reads what a newer one wrote.
class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing the configuration says; `key` tells it from the others of its kind."""


class Timeouts(Fact, frozen=True, kw_only=True):
    """Limits in seconds: to receive a request's head, on an idle client, on a silent backend, to connect to one."""

    request: float = 10.0
    front: float = 60.0
    back: float = 30.0
    connect: float = 3.0


class Listener(Fact, frozen=True, kw_only=True):
    """An address that workers accept on. `address` is `IPv4:port`, `[IPv6]:port` or `unix:/path`; the port is never 0 here.

    `tls`: the terms of an https listener, if they are not the usual ones.
    From the networks of `proxy_from` connections begin with a PROXY header; what those of `trusted` say in X-Forwarded-* and Forwarded is passed on.
    """

    protocol: Protocol
    address: str
    cluster: str | None = None
    active: bool = True
    proxy_from: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    answers: tuple[AnswerPage, ...] = ()
    tls: Tls | None = None

    @property
    def key(self) -> str:
        """One address, one listener."""
        # The address alone and not the protocol with it: the kernel hands a connection to whoever listens there, and nobody could
        # tell afterwards whether it was meant for http or https.
        return self.address


class Cluster(Fact, frozen=True, kw_only=True):
    """A named set of backends, and how requests are spread and bounded among them. A limit that is None is as in the settings.

    `hash_on` says by which key hrw and maglev choose: `source`, `header:NAME` (in lower case) or `cookie:NAME`; `sticky` names the cookie that keeps
    clients with their backend. `slow_start`: for so many seconds a newcomer gets less than its share. `max_exchanges` bounds those of one backend,
    `max_per_client` those of one client's address, on all workers together.
    """

    cluster: str
    load_balancing: LoadBalancing = LoadBalancing.ROUND_ROBIN
    hash_on: str = "source"
    sticky: str | None = None
    split: tuple[Share, ...] = ()
    slow_start: float | None = None
    failures: Failures | None = None
    retries: Retries | None = None
    breaker: Breaker | None = None
    max_exchanges: int | None = None
    queue: Queue | None = None
    max_per_client: int | None = None
    proxy_protocol: ProxyProtocol | None = None
    tls: BackendTls | None = None
    health: Health | None = None
    timeouts: Timeouts | None = None
    max_body_size: int | None = None
    min_rate: int | None = None
    answers: tuple[AnswerPage, ...] = ()

    @property
    def key(self) -> str:
        """The cluster's id."""
        # Names, and not objects, lead from one fact to another: a listener or a split may name a cluster that is gone, and means it
        # again when it comes back.
        return self.cluster


class Match(Fact, frozen=True, kw_only=True):
    """One condition on a field, a query parameter or a cookie: it has this value, matches this expression, or is there (or not) at all."""

    name: str
    value: str | None = None
    regex: str | None = None
    present: bool = True


class Frontend(Fact, frozen=True, kw_only=True):
    """hostname + path rule + conditions -> cluster. Of the hostname and its expression one is set, of the three path rules too.

    With `passthrough` it takes no requests but connections: those whose ClientHello asks for the hostname, unopened.
    From `deny` on, what is done with the requests that it takes; the rest says which these are.
    """

    cluster: str
    hostname: str = ""
    hostname_regex: str | None = None
    path: str | None = None
    path_exact: str | None = None
    path_regex: str | None = None
    methods: tuple[str, ...] = ()
    headers: tuple[Match, ...] = ()
    query: tuple[Match, ...] = ()
    cookies: tuple[Match, ...] = ()
    position: Position = Position.TREE
    listener: str | None = None
    passthrough: bool = False
    certificate: str | None = None
    deny: int | None = None
    redirect: Redirect | None = None
    allow_from: tuple[str, ...] = ()
    deny_from: tuple[str, ...] = ()
    basic_auth: BasicAuth | None = None
    replace_prefix: str | None = None
    rewrite_host: str | None = None
    request_headers: tuple[HeaderEdit, ...] = ()
    response_headers: tuple[HeaderEdit, ...] = ()
    hsts: Hsts | None = None
    forward_auth: ForwardAuth | None = None
    rate: Rate | None = None

    @property
    def condition(self) -> str:
        """What is asked besides host and path, as a text; empty for nearly all."""
        # Nearly all frontends end here, and each is asked for its key several times: no JSON is made for nothing.
        if not (self.methods or self.headers or self.query or self.cookies):
            return ""
        # A text, since keys are made of texts alone: so they can be sorted, put into a message (WatchFrontend) and compared with
        # what comes back.
        return msgspec.json.encode((self.methods, self.headers, self.query, self.cookies)).decode()

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """(listener or "", hostname or /expression/, kind of path rule, path, position, condition): all that tells which requests it takes."""
        # The cluster is no part of the key: of two clusters that ask the very same, chance would decide which one gets the
        # requests. So the second is refused, and its owner is found by this key.
        if self.passthrough:
            rule = ("passthrough", "")
        elif self.path_exact is not None:
            rule = ("exact", self.path_exact)
        elif self.path_regex is not None:
            rule = ("regex", self.path_regex)
        else:
            rule = ("prefix", self.path or "/")
        # No hostname holds a slash (`normal_hostname`), so an expression cannot be taken for one.
        hostname = self.hostname if self.hostname_regex is None else f"/{self.hostname_regex}/"
        # `_value_` and not `value`, which is a property of enum's own: a large transaction asks for ten thousand keys several
        # times.
        return (self.listener or "", hostname, *rule, self.position._value_, self.condition)


class Backend(Fact, frozen=True, kw_only=True):
    """One address of a cluster. `id` defaults to the address; `weight` is relative; a backup serves when no other can.

    In maintenance it is known, and nothing new begins there.
    """

    cluster: str
    address: str
    id: str = ""
    weight: int = 100
    backup: bool = False
    maintenance: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """(cluster, address)."""
        # Not the id, which is a label for logs and figures: two backends at one address would share its connections and limits, and
        # nobody could say which of them has drained.
        return (self.cluster, self.address)


class Certificate(Fact, frozen=True, kw_only=True):
    """A certificate with its key, in PEM, known by the SHA-256 of its DER; for these listeners, or for all if none is named.

    What is in it that routes ask for was read once, by whoever took it in: `names` as `normal_hostname` spells them, the kind of its key,
    and when it is valid, in seconds since 1970. `chain` are the certificates that follow it in a handshake. One that is `for_backends` is served nowhere.
    """

    fingerprint: str
    certificate: str
    # "key" in JSON, where users know it by that name; in Python that is the fact's own key.
    private_key: str = msgspec.field(name="key")
    chain: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()
    for_backends: bool = False
    names: tuple[str, ...] = ()
    kind: KeyKind = KeyKind.ECDSA
    not_before: int = 0
    not_after: int = 0

    @property
    def key(self) -> str:
        """The fingerprint, in lower-case hex."""
        return self.fingerprint

    # Facts come into tracebacks and logs by way of containers that nobody thinks of, and a struct shows all of its fields.
    def __repr__(self) -> str:
        """Name the certificate and never show the private key."""
        return f"Certificate({self.fingerprint[:16]}…)"


class Overrides(Fact, frozen=True, kw_only=True):
    """What orders say of the settings, for all at once; there is one at most. What is None is as the master's file says."""

    # A kind with one fact at most, and not a field of the state: so `diff`, the draft and the digest need to know nothing of it.
    KEY: ClassVar[str] = ""

    max_connections: int | None = None
    max_body_size: int | None = None
    min_rate: int | None = None
    timeouts: Timeouts | None = None
    log_level: LogLevel | None = None
    workers: int | None = None

    @property
    def key(self) -> str:
        """There is no other."""
        return self.KEY


AnyFact = Listener | Cluster | Frontend | Backend | Certificate | Overrides
