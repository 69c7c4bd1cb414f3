"""The upstream file as a whole. Raises NotToml; whatever is TOML becomes a configuration, and notes."""

from dataclasses import dataclass
import re
import tomllib
from typing import Annotated, Any, Final

import msgspec

from sozu.command.addresses import BadAddress, parse_address
from sozu.command.conversion.clusters import read_cluster
from sozu.command.conversion.door import Door
from sozu.command.conversion.listeners import Listeners
from sozu.command.conversion.source import Notes, Table
from sozu.command.conversion.text import written
from sozu.command.rules.limits import LONGEST_TIMEOUT, MOST_CONNECTIONS, MOST_WORKERS

# Ours has nothing below debug: upstream's "trace" tells less here than it did, and nothing tells more.
_LEVELS: Final = {"trace": "debug", "debug": "debug", "info": "info", "warn": "warning", "error": "error"}
_TIMEOUTS: Final = {"request_timeout": "request", "front_timeout": "front", "back_timeout": "back", "connect_timeout": "connect"}
_SAME: Final = (
    ("command_socket", "command_socket", str), ("pid_file_path", "pidfile", str), ("worker_count", "workers", int), ("max_connections", "max_connections", int),
)  # fmt: skip
# What has no equal for a reason: with it the note says what to do instead, where `leftovers` could only say that it is so.
_NEEDLESS: Final = {
    "buffer_size": "buffers have no fixed size here",
    "max_buffers": "buffers are not counted here: max_connections bounds memory",
    "min_buffers": "buffers are not counted here",
    "command_buffer_size": "the command channel grows by itself, up to 2 MiB a message",
    "max_command_buffer_size": "the command channel grows by itself, up to 2 MiB a message",
    "saved_state": "the journal keeps the state, and wins over this file at a restart",
    "automatic_state_save": "the journal keeps every change",
    "worker_automatic_restart": "workers are always replaced",
    "zombie_check_interval": "sessions end by their deadlines",
    "accept_queue_timeout": "a full worker closes who has been idle for longest, or lets the kernel's queue wait",
    "ctl_command_timeout": "`--timeout` of the verbs that wait",
    "disable_cluster_metrics": "metrics are the worker's",
    "log_target": "what the proxy says goes to standard error",
    "log_access_target": "see access_log: a file, or standard output",
    "access_logs_format": "see access_log: json, common or combined",
    "access_logs_colored": "the access log has no colours",
    "log_colored": "the log has no colours",
    "ctl_buffer_size": "the command channel grows by itself",
    "worker_timeout": "a worker that is silent for some seconds is replaced",
    "slab_entries_per_connection": "sessions are not preallocated here",
    "splice_pipe_capacity_bytes": "pipes have 1 MB here",
    "evict_on_queue_full": "always here",
    "basic_auth_max_credential_bytes": "a head is bounded as a whole here",
    "command_allowed_uids": "the command socket takes its own user and root",
    "audit_logs_target": "see `sozu log`: the journal tells who has changed what, and when",
    "audit_logs_json_target": "see `sozu log --json`",
    "tls_provider": "TLS is OpenSSL's here",
    "retry_after": "what Retry-After says follows from what is waited for",
}


# Only what has bounds is named: msgspec lets pass what is not, so that the other settings go through it untouched.
class _Bounded(msgspec.Struct):
    """What is no setting of ours, whatever upstream says."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=MOST_WORKERS)] = 1
    max_connections: Annotated[int, msgspec.Meta(ge=1, le=MOST_CONNECTIONS)] = 1


class NotToml(Exception):
    """The file is no TOML; the text says where."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """`text` is a configuration file of ours; `notes` say what of the upstream one is not in it, or means something else."""

    text: str
    notes: tuple[str, ...]


def convert(source: str) -> Conversion:
    """An upstream configuration. Raises NotToml."""
    try:
        values = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise NotToml(str(error)) from error
    except RecursionError as error:
        raise NotToml("nested too deeply") from error
    notes = Notes()
    table = Table(values, "", notes)
    # Listeners go before clusters, which ask them for timeouts, cookies and HSTS; `leftovers` goes last, when all that is read was read.
    settings = _settings(table)
    door = Door()
    listeners = Listeners(door, active=table.take("activate_listeners", bool, default=True))
    # One bound for the whole file there, and one of each cluster here: so the clusters are told of it.
    most_per_client = table.take("max_connections_per_ip", int, 0)
    for each in table.tables("listeners"):
        listeners.read(each)
    # "applications" is what clusters were called in older files, which are still around; whatever stands there reads the same.
    clusters = {name: read_cluster(name, each, listeners, door, most_per_client) for name, each in table.named("clusters", "applications")}
    table.leftovers()
    return Conversion(written(settings, listeners.entries(), clusters, tuple(notes)), tuple(notes))


def _settings(table: Table) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for key, ours, kind in _SAME:
        if value := table.take(key, kind):
            settings[ours] = value
        # 0 workers or an empty path: falsy, and there all the same. Our file would be refused with it, so it goes with a note.
        elif value is not None:
            table.note(key, f"{value!r} is none; it is left out")
    if table.take("handle_process_affinity", bool):
        settings["affinity"] = True
    if timeouts := _timeouts(table):
        settings["timeouts"] = timeouts
    _read_logs(table, settings)
    # Key by key, so that one number out of bounds costs no other setting.
    for key in tuple(settings):
        try:
            msgspec.convert({key: settings[key]}, _Bounded)
        except msgspec.ValidationError as error:
            table.notes.add(key, f"{error}; it is left out")
            del settings[key]
    for metrics in table.single("metrics"):
        _read_metrics(metrics, settings)
    for key, text in _NEEDLESS.items():
        table.explain(key, text)
    return settings


def _timeouts(table: Table) -> dict[str, float]:
    timeouts = {}
    for key, ours in _TIMEOUTS.items():
        value = table.take(key, (int, float))
        # Each by itself, so that one without sense costs no other; NaN, of which TOML has one, is below nothing.
        if value is not None and 0 < value <= LONGEST_TIMEOUT:
            timeouts[ours] = value
        elif value is not None:
            table.note(key, f"more than 0 and at most {LONGEST_TIMEOUT:.0f} seconds here, and not {value}; it is left out")
    return timeouts


def _read_metrics(table: Table, settings: dict[str, Any]) -> None:
    address = table.take("address", str)
    try:
        settings["metrics"] = {"statsd": str(parse_address(address or ""))}
    except BadAddress as error:
        table.note("address", f"{error}; nobody is told")
    else:
        table.note("address", "statsd is told the same kind of figures, whose names are our own (docs/configuration.md)")
    table.leftovers()


def _read_logs(table: Table, settings: dict[str, Any]) -> None:
    level = table.take("log_level", str)
    # Theirs may be a list for single modules, in the manner of Rust's env_logger ("info,sozu_lib=debug"): which of those is meant for all, nobody can tell.
    if level is not None and level.lower() in _LEVELS:
        settings["log_level"] = _LEVELS[level.lower()]
    elif level is not None:
        table.note("log_level", f"one level for all here: {level!r} is left out")
    target = table.take("access_logs_target", str) or table.take("log_access_target", str)
    # A path must follow: "file://" alone would be a log of the name "".
    if target is not None and re.match("file://.", target):
        settings["access_log"] = {"path": target.removeprefix("file://")}
    elif target == "stdout":
        settings["access_log"] = {"path": "-"}
    elif target is not None:
        table.note("access_logs_target", f"the access log goes to a file or to standard output, not to {target}")
