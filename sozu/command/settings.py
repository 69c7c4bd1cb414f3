"""What the configuration file says besides facts: where the socket and the journal are, how many workers, limits, logs.

Settings are read by the master at its start and handed to each worker. Orders change those that have a field in `facts.Overrides`, while
the proxy serves; `in_force` lays the one over the other.
"""

from enum import StrEnum

import msgspec

from sozu.command.edits.facts import AnswerPage
from sozu.command.facts import LogLevel, Overrides, Timeouts


class LogFormat(StrEnum):
    """How a line of the access log looks."""

    JSON = "json"
    COMMON = "common"
    COMBINED = "combined"


class Sandbox(StrEnum):
    """What becomes of a worker that cannot give up everything that it should: it does not start, it warns; or nothing is given up."""

    REQUIRED = "required"
    AUTO = "auto"
    OFF = "off"


class AccessLog(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the access log goes; the path "-" is standard output."""

    path: str
    format: LogFormat = LogFormat.JSON


class Metrics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the figures go: `prometheus` is an address to serve them on, `statsd` one to tell them to."""

    prometheus: str | None = None
    statsd: str | None = None


class Pool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Connections to one backend that nobody uses now: how many each worker keeps, how long (seconds), and how old any may get."""

    size: int = 256
    # Less than backends keep a connection, or a request meets one that is just being closed.
    idle: float = 30.0
    age: float = 3600.0


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Paths are absolute here; `pidfile` is where the master writes its pid, `max_connections` counts per worker; `welcome` turns a bare 404 into the page that says how to route.

    A worker with more than `max_worker_memory` bytes is replaced (None: whatever it holds). `max_body_size` bounds a request's body, in bytes (None: no bound); `min_rate` is how many bytes a second a client must send or
    take of a body, in the mean (0: no bound); `via` is our name in Via fields (None: we write none).
    `sandbox` says how workers are confined, `user` who they become if the master is root; with `affinity` each stays on a core.
    With `merge_slashes` several slashes of a path are one; without `encoded_slashes` a path with `%2F` or `%5C` is refused.
    """

    command_socket: str
    journal: str
    pidfile: str | None = None
    workers: int = 2
    # 40 MB when all of them are idle, 750 at the worst (docs/configuration.md).
    max_connections: int = 10_000
    max_worker_memory: int | None = None
    max_body_size: int | None = None
    min_rate: int = 0
    timeouts: Timeouts = Timeouts()
    pool: Pool = Pool()
    via: str | None = None
    # Off, since an empty segment is one (RFC 3986 section 3.3), and origins differ: rules must see the path that the backend gets.
    merge_slashes: bool = False
    # On, since an escaped slash is none (RFC 3986 section 2.2), and some services have names with slashes in one segment. Off is
    # for backends that decode a path before they check it.
    encoded_slashes: bool = True
    access_log: AccessLog | None = None
    metrics: Metrics = Metrics()
    log_level: LogLevel = LogLevel.INFO
    welcome: bool = False
    answers: tuple[AnswerPage, ...] = ()
    sandbox: Sandbox = Sandbox.AUTO
    user: str | None = None
    affinity: bool = False


def in_force(settings: Settings, overrides: Overrides) -> Settings:
    """The settings with what orders have changed of them."""
    # By name, so that a setting becomes changeable by a field of Overrides alone. None cannot be a value of such a setting: it says
    # "as in the file".
    changed = {name: value for name, value in msgspec.structs.asdict(overrides).items() if value is not None}
    return msgspec.structs.replace(settings, **changed)
