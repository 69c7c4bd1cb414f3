"""`sozu status`: the master, its listeners and its workers."""

from typing import Any

import click

from sozu.cli.conversation import converse
from sozu.cli.listing import aligned, show_json
from sozu.cli.options import json_option, socket_option
from sozu.command.requests import Status

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_BACKEND_COLUMNS = ("cluster", "address", "state")
_WORKER_COLUMNS = ("id", "pid", "state", "connections", "requests")


@click.command()
@json_option
@socket_option
def status(*, as_json: bool) -> None:
    """
    Show the master, its listeners and its workers.

    \b
    Examples:
      sozu status
      sozu status --json
    """
    told = converse(Status()).data
    if as_json:
        show_json(told)
    else:
        click.echo("\n".join(_page(told)))


def _page(told: dict[str, Any]) -> list[str]:
    listeners = [_listener_line(listener) for listener in told["listeners"]]
    return [
        f"sozu {told['version']}, pid {told['pid']}, revision {told['revision']}, up {lasting(told['uptime'])}",
        "listeners",
        *(listeners or ["  none"]),
        "workers",
        *(f"  {line}" for line in aligned(told["workers"], _WORKER_COLUMNS)),
        *_troubled(told["workers"]),
    ]


def _troubled(workers: list[dict[str, Any]]) -> list[str]:
    """Backends that get nothing now, each once for each state that some worker sees it in."""
    # Each worker sees backends for itself, and may be right alone: one that is down for all of them is one line, one that they see differently is two.
    found = {tuple(each.values()): each for worker in workers for each in worker.get("troubled", ())}
    return ["backends that get nothing now", *(f"  {line}" for line in aligned(list(found.values()), _BACKEND_COLUMNS))] if found else []


def _listener_line(listener: dict[str, Any]) -> str:
    return f"  {listener['protocol']} {listener['address']}{'' if listener['active'] else ', not active'}"


def lasting(seconds: float) -> str:
    """A duration in its largest whole unit: 59 s, 3 min, 2 h, 5 d."""
    # One unit, rounded down: of a proxy that is up for months nobody wants the seconds.
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
