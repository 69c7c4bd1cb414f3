"""What is counted, by its name: for people, Prometheus and statsd alike. What a worker's snapshot holds is told by sozu.proxy.counters."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sozu.command.facts import Certificate

# These names are a contract with other people's dashboards: one that is changed here is a series that ends there.
COUNTERS: Final = {
    "requests": "Requests whose head was read or refused.",
    "bytes_in": "Bytes of request bodies read from clients.",
    "bytes_out": "Bytes written to clients, heads and bodies.",
    "connections_accepted": "Client connections accepted.",
    "backend_connections": "Connections opened to backends.",
    "backend_failures": "Backend connections that failed before a response.",
    "retries": "Further tries, with another backend or a new connection.",
    "log_lines_dropped": "Access log lines dropped because the log was blocked.",
}
GAUGES: Final = {
    "connections_open": "Client connections open now.",
    "exchanges_open": "Exchanges under way now.",
    "tunnels_open": "Tunnels open now.",
    "backend_connections_open": "Connections to backends open now, in use or kept.",
    "greenlets_busy": "Greenlets at work now.",
    "descriptors_open": "Descriptors open now, those of the process itself included.",
}

Snapshots = Mapping[str, Mapping[str, Any]]  # by worker


@dataclass(frozen=True, slots=True)
class MasterFigures:
    """What the master adds of its own."""

    revision: int
    running: int
    fills: Mapping[str, int]  # by worker: how often its slot was filled
    certificates: Collection[Certificate] = ()
