"""One change of configuration each: the messages that a tool sends and that the journal keeps.

Optional fields may be left out. `add_*` of something that exists with other settings is an update. At the door unknown
fields are refused (`requests.read_request`); between master and workers, and in the journal, they are not (schema number).
An order is frozen and carries no id: the envelope of the request does.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from sozu.command.certificates.terms import BackendTls, Tls
from sozu.command.edits.facts import AnswerPage, BasicAuth, ForwardAuth, HeaderEdit, Hsts, Rate, Redirect
from sozu.command.facts import KeyKind, LoadBalancing, LogLevel, Match, Position, Protocol, Timeouts
from sozu.command.terms import Breaker, Count, Failures, Health, ProxyProtocol, Queue, Retries, Seconds, Share


# What says nothing is not written: a new field costs old journals nothing, nor a worker of the version before.
class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """One change. The tag is the verb of the command protocol."""


class AddCluster(Order, frozen=True, kw_only=True, tag="add_cluster"):
    """A new cluster, or new settings for one that exists."""

    cluster: str
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
    tls: BackendTls | None = None
    health: Health | None = None
    timeouts: Timeouts | None = None
    max_body_size: int | None = None
    min_rate: int | None = None
    answers: tuple[AnswerPage, ...] = ()


class RemoveCluster(Order, frozen=True, kw_only=True, tag="remove_cluster"):
    """Remove a cluster with its frontends and backends; with `wait` the answer comes when its last exchange on the last worker has ended."""

    cluster: str
    wait: bool = False


class AddHttpFrontend(Order, frozen=True, kw_only=True, tag="add_http_frontend"):
    """Send hostname + path to a cluster. At most one of path, path_exact, path_regex; none is the prefix `/`.

    With `passthrough` connections go there unopened, whose ClientHello asks for the hostname; nothing else is asked or done then.
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


class RemoveHttpFrontend(Order, frozen=True, kw_only=True, tag="remove_http_frontend"):
    """Take one frontend away; cluster, hostname, path rule, conditions and position must name it exactly.

    With `certificate`, only while it is pinned to that one: a frontend that has been pinned to another meanwhile stays.
    With `wait` the answer comes when the last exchange that came through it has ended on the last worker.
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
    wait: bool = False


class AddTcpFrontend(Order, frozen=True, kw_only=True, tag="add_tcp_frontend"):
    """Send the connections of a tcp listener to a cluster: all of them, or those whose ClientHello asks for the hostname."""

    cluster: str
    listener: str
    hostname: str = ""


class RemoveTcpFrontend(Order, frozen=True, kw_only=True, tag="remove_tcp_frontend"):
    """Send the connections of a tcp listener, or those that ask for the hostname, nowhere; those that run go on."""

    cluster: str
    listener: str
    hostname: str = ""


class AddBackend(Order, frozen=True, kw_only=True, tag="add_backend"):
    """A new address for a cluster, or new settings for one that is there.

    In JSON its id is `backend_id`: in a request, `id` is the request's own.
    """

    cluster: str
    address: str
    id: str = msgspec.field(default="", name="backend_id")
    weight: int = 100
    backup: bool = False
    maintenance: bool = False


class RemoveBackend(Order, frozen=True, kw_only=True, tag="remove_backend"):
    """Take an address away; with `wait` the answer comes when its last exchange on the last worker has ended."""

    cluster: str
    address: str
    wait: bool = False


# No tag: nobody sends it. It is what its two kinds have in common, above all the withheld key.
class GivenCertificate(Order, frozen=True, kw_only=True):
    """A certificate with its key and chain, in PEM and in any order. `force`: also if it is not valid now.

    One that is `for_backends` is shown to backends only, by clusters that name it, and need not have a name.

    The other fields follow from these; the master fills them in before it commits the order (sozu.command.certificates.admitting), and what a tool
    says there is not looked at.
    """

    certificate: str
    private_key: str = msgspec.field(name="key")
    chain: tuple[str, ...] = ()
    force: bool = False
    for_backends: bool = False
    names: tuple[str, ...] = ()
    kind: KeyKind = KeyKind.ECDSA
    not_before: int = 0
    not_after: int = 0

    def __repr__(self) -> str:
        """Which order, and nothing of the key."""
        return f"{type(self).__name__}(…)"


class AddCertificate(GivenCertificate, frozen=True, kw_only=True, tag="add_certificate"):
    """Serve a certificate for the names in it: with `listener` there too, else on all `listeners` that are named, else on all. The fingerprint is filled in."""

    listener: str | None = None
    listeners: tuple[str, ...] = ()
    fingerprint: str = ""


class ReplaceCertificate(GivenCertificate, frozen=True, kw_only=True, tag="replace_certificate"):
    """Serve another certificate in the place of the one with this fingerprint; frontends pinned to that are pinned to this, clusters name this.

    The `replacement` is its fingerprint, filled in too.
    """

    fingerprint: str
    replacement: str = ""


class RemoveCertificate(Order, frozen=True, kw_only=True, tag="remove_certificate"):
    """Serve a certificate no more. Refused while a frontend is pinned to it or has no other that covers its hostname, or a cluster names it, unless `force`."""

    fingerprint: str
    force: bool = False


class AddListener(Order, frozen=True, kw_only=True, tag="add_listener"):
    """Accept on one more address."""

    protocol: Protocol
    address: str
    cluster: str | None = None
    active: bool = True
    proxy_from: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    answers: tuple[AnswerPage, ...] = ()
    tls: Tls | None = None


class UpdateListener(Order, frozen=True, kw_only=True, tag="update_listener"):
    """Change some settings of a listener while it serves; what is left out stays as it is."""

    protocol: Protocol
    address: str
    # UNSET and None are two things here: None takes the cluster away, UNSET leaves it.
    cluster: str | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    proxy_from: tuple[str, ...] | UnsetType = UNSET
    trusted: tuple[str, ...] | UnsetType = UNSET
    answers: tuple[AnswerPage, ...] | UnsetType = UNSET
    tls: Tls | UnsetType | None = UNSET


class ActivateListener(Order, frozen=True, kw_only=True, tag="activate_listener"):
    """Accept on this listener (again)."""

    protocol: Protocol
    address: str


class DeactivateListener(Order, frozen=True, kw_only=True, tag="deactivate_listener"):
    """Accept on it no more, and keep it: its frontends stay, and so do the sessions that it has."""

    protocol: Protocol
    address: str


class RemoveListener(Order, frozen=True, kw_only=True, tag="remove_listener"):
    """Stop accepting on an address and forget it; with `wait` the answer comes when its last session on the last worker has ended."""

    protocol: Protocol
    address: str
    wait: bool = False


class UpdateSettings(Order, frozen=True, kw_only=True, tag="update_settings"):
    """Change settings for all workers while they serve: null is "as the master's file says", what is left out stays as it is."""

    max_connections: int | UnsetType | None = UNSET
    max_body_size: int | UnsetType | None = UNSET
    min_rate: int | UnsetType | None = UNSET
    timeouts: Timeouts | UnsetType | None = UNSET
    log_level: LogLevel | UnsetType | None = UNSET
    workers: int | UnsetType | None = UNSET


AnyOrder = (
    AddCluster
    | RemoveCluster
    | AddHttpFrontend
    | RemoveHttpFrontend
    | AddTcpFrontend
    | RemoveTcpFrontend
    | AddBackend
    | RemoveBackend
    | AddListener
    | RemoveListener
    | UpdateListener
    | ActivateListener
    | DeactivateListener
    | UpdateSettings
    | AddCertificate
    | ReplaceCertificate
    | RemoveCertificate
)


def given(order: Order, but: Collection[str] = ()) -> dict[str, Any]:
    """The fields of an order that say something: those that were not left out, `but` for these."""
    fields = msgspec.structs.asdict(order).items()
    return {name: value for name, value in fields if value is not UNSET and name not in but}


# Not empty: who reads a dump sees that there is a key, and who feeds it back is refused, instead of serving a certificate without
# one.
WITHHELD = "(withheld)"


def without_key(order: AnyOrder) -> AnyOrder:
    """The order as it may be shown: its private key, if it has one, is not said."""
    return msgspec.structs.replace(order, private_key=WITHHELD) if isinstance(order, GivenCertificate) else order
