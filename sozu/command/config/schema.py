"""Which keys the configuration file has, and of which kind: the file's words, before they become settings and facts."""

from typing import Annotated, TypeVar

import msgspec

from sozu.command.certificates.terms import ClientCertificates, TlsVersion
from sozu.command.edits.facts import BasicAuth, ForwardAuth, HeaderEdit, Hsts, Rate, Redirect
from sozu.command.facts import LoadBalancing, LogLevel, Match, Position, Protocol
from sozu.command.rules.limits import FASTEST, LEAST_MEMORY, LONGEST_BODY, LONGEST_TIMEOUT, MOST_WORKERS
from sozu.command.settings import AccessLog, Sandbox
from sozu.command.terms import Breaker, Count, Failures, Health, ProxyProtocol, Queue, Retries, Share

# The bounds are those of the rules for orders, said once more as types: settings are no order, so no rule looks at them, and a message names
# the bounds at the very number ("more than 0 and at most 86400").
Seconds = Annotated[float, msgspec.Meta(gt=0, le=LONGEST_TIMEOUT)]
BodySize = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_BODY)]
ByteRate = Annotated[int, msgspec.Meta(ge=0, le=FASTEST)]
# Only words: what an address or a hostname is, the rules say. The description stands where a message would have "a text", of which somebody who
# has written a port alone, a number in YAML, learns nothing.
Address = Annotated[str, msgspec.Meta(description='an address: "127.0.0.1:8080", "[::1]:8080" or "unix:/run/app.sock"')]
Hostname = Annotated[str, msgspec.Meta(description='a hostname: "blog.example.com", "*.example.com" or "*"')]



# Entries are not the facts themselves. A fact is complete and in normal form, and goes into journals; here texts are as the user wrote them,
# paths are relative, certificates are names of files, and what is left out must be told from what is said.
class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping of the file."""


class TimeoutsEntry(Entry, frozen=True, kw_only=True):
    """What is left out is as outside: in a cluster as in the file, in the file as the defaults."""

    # None and not the default: a cluster lays what it names on the file's timeouts, and 10 seconds that were written would look like 10 that were not.
    request: Seconds | None = None
    front: Seconds | None = None
    back: Seconds | None = None
    connect: Seconds | None = None


class PoolEntry(Entry, frozen=True, kw_only=True):
    """What is left out is as the defaults say."""

    # As many as a worker may have clients at most: more idle connections to one backend than that have no use.
    size: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    idle: Seconds | None = None
    age: Seconds | None = None


class MetricsEntry(Entry, frozen=True, kw_only=True):
    """Where the figures go."""

    prometheus: Address | None = None
    statsd: Address | None = None


class AnswerEntry(Entry, frozen=True, kw_only=True):
    """A page of the proxy's own: its body, or the file that has it."""

    # Any number, though there are pages for few: for which, the rules say, once for files and orders.
    status: int
    body: str | None = None
    file: str | None = None
    type: str | None = None


class CertificateEntry(Entry, frozen=True, kw_only=True):
    """The files with a certificate, its key, and the certificates between it and its root, if these are in a file of their own."""

    certificate: str
    key: str
    chain: str | None = None


class TlsEntry(Entry, frozen=True, kw_only=True):
    """The terms of an https listener (sozu.command.certificates.terms); `client_ca` is a file."""

    min_version: TlsVersion = TlsVersion.TLS12
    ciphers: str | None = None
    groups: str | None = None
    client_certificates: ClientCertificates = ClientCertificates.NONE
    client_ca: str | None = None
    strict: bool = True


class BackendTlsEntry(Entry, frozen=True, kw_only=True):
    """How a cluster's backends are spoken to; `ca` is a file, `certificate` too with the file of its `key`, and else a fingerprint."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    server_name: str | None = None
    verify: bool = True


class ListenerEntry(Entry, frozen=True, kw_only=True):
    """An address to accept on."""

    protocol: Protocol
    address: Address
    cluster: str | None = None
    active: bool = True
    # Networks are texts until the rules have read them, which know how one is written and what is wrong with it.
    proxy_from: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    certificates: tuple[CertificateEntry, ...] = ()
    tls: TlsEntry | None = None
    answers: tuple[AnswerEntry, ...] = ()


# No cluster among its fields: a frontend stands in its own, so that it can neither name a wrong one nor be forgotten when that is renamed.
class FrontendEntry(Entry, frozen=True, kw_only=True):
    """Whose requests come to the cluster."""

    # Not required by shape, as `hostname_regex` may stand in its place; that one of the two must be there is for the rules to say.
    hostname: Hostname = ""
    hostname_regex: str | None = None
    # Left out is not "/": beside an exact path or an expression there may be none, so the rule fills it in only where neither is given.
    path: str | None = None
    path_exact: str | None = None
    path_regex: str | None = None
    methods: tuple[str, ...] = ()
    headers: tuple[Match, ...] = ()
    query: tuple[Match, ...] = ()
    cookies: tuple[Match, ...] = ()
    position: Position = Position.TREE
    listener: Address | None = None
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


class BackendEntry(Entry, frozen=True, kw_only=True):
    """One address of the cluster, with more than its address."""

    address: Address
    # Empty means its address in normal form, which is known only when the rules have read that.
    id: str = ""
    weight: int = 100
    backup: bool = False
    maintenance: bool = False


class ClusterEntry(Entry, frozen=True, kw_only=True):
    """A named set of backends and the frontends that lead to it."""

    load_balancing: LoadBalancing = LoadBalancing.ROUND_ROBIN
    hash_on: str = "source"
    sticky: str | None = None
    split: tuple[Share, ...] = ()
    slow_start: Seconds | None = None
    failures: Failures | None = None
    retries: Retries | None = None
    breaker: Breaker | None = None
    max_exchanges: Count | None = None
    queue: Queue | None = None
    max_per_client: Count | None = None
    proxy_protocol: ProxyProtocol | None = None
    tls: BackendTlsEntry | None = None
    health: Health | None = None
    timeouts: TimeoutsEntry | None = None
    max_body_size: BodySize | None = None
    min_rate: ByteRate | None = None
    answers: tuple[AnswerEntry, ...] = ()
    # None, here and for the lists of the file: a key with nothing behind it is null in YAML, which is how one leaves a list empty for later.
    frontends: tuple[FrontendEntry, ...] | None = None
    # A bare address is what nearly all say; a union of a text and a mapping needs no tag, as YAML tells the two apart.
    backends: tuple[Address | BackendEntry, ...] | None = None


class File(Entry, frozen=True, kw_only=True):
    """The whole file; every key may be left out."""

    # Where tools look for it by themselves, if they stand in the file's folder.
    command_socket: str = "./sozu.sock"
    journal: str | None = None
    pidfile: str | None = None
    workers: Annotated[int, msgspec.Meta(ge=1, le=MOST_WORKERS)] = 2
    max_connections: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    max_worker_memory: Annotated[int, msgspec.Meta(ge=LEAST_MEMORY)] | None = None
    max_body_size: BodySize | None = None
    min_rate: ByteRate = 0
    timeouts: TimeoutsEntry | None = None
    pool: PoolEntry | None = None
    via: str | None = None
    merge_slashes: bool = False
    encoded_slashes: bool = True
    access_log: AccessLog | None = None
    metrics: MetricsEntry | None = None
    log_level: LogLevel = LogLevel.INFO
    welcome: bool = False
    answers: tuple[AnswerEntry, ...] = ()
    sandbox: Sandbox = Sandbox.AUTO
    user: str | None = None
    affinity: bool = False
    listeners: tuple[ListenerEntry, ...] | None = None
    clusters: dict[str, ClusterEntry | None] | None = None


S = TypeVar("S", bound=msgspec.Struct)


def laid_on(entry: Entry | None, outer: S) -> S:
    """The settings of `outer`, but for those that an entry gives."""
    if entry is None:
        return outer
    # None is "not said" for every field of the entries that are laid on something; where it could be a value this must not be used.
    given = {name: value for name, value in msgspec.structs.asdict(entry).items() if value is not None}
    return msgspec.structs.replace(outer, **given)
