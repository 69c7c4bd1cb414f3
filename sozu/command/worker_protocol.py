"""What master and worker say to each other over their channel: NUL-ended JSON, descriptors beside a message that names them.

The conversation of a worker's life (`fill(slot)` is the master's side of it):

    worker                          master
    Hello(version, schema, pid) ->
                                    <- Welcome(slot, settings)          descriptor: the access log, if there is one
                                    <- Apportion(workers)               descriptor: memory that all workers share
                                    <- GiveListeners(...)               descriptors: one per listener, in that order
                                    <- Load(revision, orders, last)     in parts; the last one says so
    Ready(revision)             ->                                      it accepts from here on
                                    <- Publish(id, revision, orders)    one transaction
    Reply(id, OK, revision)     ->
                                    <- AskStatus, AskMetrics, WatchBackend, TakeLog …
                                    <- Drain(id, grace)                 stop accepting, finish, exit 0; descriptor: a way to its heir, if there is one
End of file on the channel is no order: the worker goes on serving with what it has, and waits where MeetThere said. A master that comes there is told
Found(...), with the worker's listening sockets, and goes on as above.
The heir was told Inherit with the other end of that way, by which clients come to it that are between two requests: Bequest(...), with their connections.
Unknown fields are ignored here, so that a rolling upgrade may meet an older or newer peer; SCHEMA names the language.
"""

from typing import Any, Literal

import msgspec

from sozu.command.answers import Status
from sozu.command.facts import Backend, Certificate, Cluster, Frontend, Listener, Overrides, Protocol
from sozu.command.orders import AnyOrder
from sozu.command.settings import Settings
from sozu.command.state import FrontendKey

SCHEMA = 1


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """One message on a worker's channel. `descriptors` says how many come with it: the manifest that must match."""

    descriptors: int = 0


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """A worker's first word: which code it runs and which language it speaks."""

    version: str
    schema: int
    pid: int


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """The worker has the state of this revision and accepts."""

    revision: int


class Reply(Message, frozen=True, kw_only=True, tag="reply"):
    """Answer to the message of the same id: any number of PROCESSING, then one OK or ERROR."""

    id: int
    status: Status
    message: str = ""
    revision: int = 0
    data: Any = None


class Happened(Message, frozen=True, kw_only=True, tag="happened"):
    """News that nobody asked for; the master tells them as events of its own, so a worker is not to tell of anything else."""

    kind: Literal["backend_down", "backend_up"]
    cluster: str
    address: str
    reason: str = ""


class Checked(Message, frozen=True, kw_only=True, tag="checked"):
    """An active check has found out that a backend is up or down."""

    cluster: str
    address: str
    up: bool


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """Which slot the worker fills, and the settings; the access log's descriptor comes along when there is one.

    From the secret follow the keys that seal TLS session tickets; with an empty one none are given out. It is in hex, and what it was in that period.
    """

    slot: int
    settings: Settings
    ticket_secret: str = ""
    ticket_period: int = 0


class Apportion(Message, frozen=True, kw_only=True, tag="apportion"):
    """Among how many workers limits are divided from now on; at the beginning with the memory in which all of them count rates."""

    workers: int


class ListenerName(msgspec.Struct, frozen=True):
    """Which listener a descriptor is for; `lent_by` is the slot that has lent it, where a worker says what it accepts on."""

    protocol: Protocol
    address: str
    lent_by: int | None = None


class MeetThere(Message, frozen=True, kw_only=True, tag="meet_there"):
    """A bound unix socket: when the master has gone, the next one comes there."""


class Found(Message, frozen=True, kw_only=True, tag="found"):
    """The first words of a worker to a master that has found it without one: what it runs and knows, and its listening sockets.

    In parts when there are many sockets; the last one says so. `digest` names what its state says.
    """

    version: str
    schema: int
    pid: int
    slot: int
    revision: int
    digest: str
    settings: Settings
    draining: bool
    listeners: tuple[ListenerName, ...]
    last: bool


class GiveListeners(Message, frozen=True, kw_only=True, tag="give_listeners"):
    """Listening sockets, one descriptor for each name, in this order.

    With `lent_by` they are those of another slot, which nobody fills now: to be accepted on besides our own, until none are said to be lent by it.
    """

    listeners: tuple[ListenerName, ...]
    lent_by: int | None = None


class Load(Message, frozen=True, kw_only=True, tag="load"):
    """A part of the state, as orders or, for a worker of our own version, as facts in rank order; after the last part it accepts and says Ready."""

    revision: int
    orders: tuple[AnyOrder, ...]
    last: bool
    overrides: tuple[Overrides, ...] = ()
    listeners: tuple[Listener, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    frontends: tuple[Frontend, ...] = ()
    backends: tuple[Backend, ...] = ()


class Publish(Message, frozen=True, kw_only=True, tag="publish"):
    """One committed transaction. In parts like Load when it is large: only the last part is applied and answered.

    Reply data: {"running": [[cluster, address], …]}, the backends that it removes and that still have exchanges; nothing where there is none.
    """

    id: int
    revision: int
    orders: tuple[AnyOrder, ...]
    last: bool = True


class WatchBackend(Message, frozen=True, kw_only=True, tag="watch_backend"):
    """Tell when no exchange names this backend any more: PROCESSING {"exchanges": n} on change, then OK."""

    id: int
    cluster: str
    address: str


class WatchListener(Message, frozen=True, kw_only=True, tag="watch_listener"):
    """Tell when no session of this listener is left: PROCESSING {"sessions": n} on change, then OK; ERROR while it accepts there."""

    id: int
    address: str


class WatchFrontend(Message, frozen=True, kw_only=True, tag="watch_frontend"):
    """Tell when no exchange is left that came through this frontend, named by its key: PROCESSING {"sessions": n} on change, then OK; ERROR while it takes requests."""

    id: int
    frontend: FrontendKey


class AskBackends(Message, frozen=True, kw_only=True, tag="ask_backends"):
    """Reply data: of each backend of these clusters (of all, where none is named) cluster, address, exchanges (tunnels are among them), tunnels, idle; and whether
    it is down, resting or pending.

    Many come in parts: PROCESSING with some of them, then OK with the rest.
    """

    id: int
    clusters: tuple[str, ...] = ()


class AskStatus(Message, frozen=True, kw_only=True, tag="ask_status"):
    """Reply data: {"connections": n, "exchanges": n, "requests": n, "accepting": bool, "ending": bool}, and more."""

    id: int


class AskDigest(Message, frozen=True, kw_only=True, tag="ask_digest"):
    """Reply data: {"digest": text}, that of the worker's state."""

    id: int


class AskMetrics(Message, frozen=True, kw_only=True, tag="ask_metrics"):
    """Reply data: the worker's counters, as sozu.proxy.counters describes them."""

    id: int


class AskWitness(Message, frozen=True, kw_only=True, tag="ask_witness"):
    """Reply with a descriptor: the memory in which the worker's last request has landed, from its first byte. It outlives the process."""

    id: int


class TakeLog(Message, frozen=True, kw_only=True, tag="take_log"):
    """A new descriptor for the access log (after a rotation)."""

    id: int


class TakeNames(Message, frozen=True, kw_only=True, tag="take_names"):
    """What /etc/hosts and /etc/resolv.conf say from now on: a confined worker cannot read a file that has taken another's place."""

    hosts: str
    resolvers: str


class RunChecks(Message, frozen=True, kw_only=True, tag="run_checks"):
    """From now on it is this worker that asks backends how they are; or it is not any more."""

    run: bool


class Learn(Message, frozen=True, kw_only=True, tag="learn"):
    """What the worker that asks has Checked."""

    cluster: str
    address: str
    up: bool


class Inherit(Message, frozen=True, kw_only=True, tag="inherit"):
    """A socket by which another worker, which drains, sends Bequests."""


class Guest(msgspec.Struct, frozen=True):
    """A client between two requests: where it came in, its `IP:port`, and until when it may be silent (monotonic seconds)."""

    listener: str
    client: str
    deadline: float


class Bequest(Message, frozen=True, kw_only=True, tag="bequest"):
    """What a worker that drains sends to its heir: clients of plain HTTP, and their connections in this order."""

    guests: tuple[Guest, ...]


class Drain(Message, frozen=True, kw_only=True, tag="drain"):
    """Stop accepting, close idle sessions, finish exchanges within `grace` seconds, say OK, exit 0.

    With a descriptor idle sessions of plain HTTP are not closed: they go that way to an heir.
    """

    id: int
    grace: float


FromWorker = Hello | Found | Ready | Reply | Happened | Checked
FromMaster = (
    Welcome
    | Apportion
    | MeetThere
    | GiveListeners
    | Load
    | Publish
    | WatchBackend
    | WatchListener
    | WatchFrontend
    | AskBackends
    | AskStatus
    | AskDigest
    | AskMetrics
    | AskWitness
    | TakeLog
    | TakeNames
    | RunChecks
    | Learn
    | Inherit
    | Drain
)
