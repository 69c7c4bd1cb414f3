"""`sozu log`: what was changed, when, and by whom."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
import json
from typing import Any

import click

from sozu.cli.conversation import collect
from sozu.cli.listing import aligned, presentable, show_json
from sozu.cli.options import json_option, socket_option
from sozu.command.requests import Log

_COLUMNS = ("revision", "when", "uid", "pid", "what", "command")
_NAMES = ("cluster", "hostname", "path", "path_exact", "protocol", "address", "fingerprint")


@click.command()
@click.argument("revision", type=int, required=False)
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many revisions.")
@json_option
@socket_option
def log(revision: int | None, last: int, *, as_json: bool) -> None:
    """
    Show the last revisions: who changed what, and when; or all orders of one revision.

    \b
    Examples:
      sozu log
      sozu log 12
      sozu log --last 1000 --json
    """
    told = collect(Log(last=last, revision=revision))
    if revision is not None:
        _show_one(told, as_json=as_json)
        return
    rows = [_presentable(row) for part in told for row in part.get("revisions", ())]
    if as_json:
        show_json(rows)
    else:
        click.echo("\n".join(aligned([_line(row) for row in rows], _COLUMNS)))


def _show_one(told: list[dict[str, Any]], *, as_json: bool) -> None:
    orders = [order for part in told for order in part["orders"]]
    # A long revision comes in several answers, each with some orders; who and when stand in the last.
    whole = _presentable({**told[-1], "orders": orders})
    if as_json:
        show_json(whole)
        return
    line = _line(whole)
    click.echo(f"revision {line['revision']}, {line['when']}, uid {line['uid']}, pid {line['pid']}: {line['command']}")
    click.echo("\n".join(json.dumps(order) for order in whole["orders"]))


def _presentable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "orders": [presentable(order) for order in row.get("orders", ())]}


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    when = datetime.fromtimestamp(row["when"], UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return {**row, "when": when, "what": _what(row)}


def _what(row: Mapping[str, Any]) -> str:
    # The journal begins with a state that was once made of many revisions (compaction): which orders those were, nobody knows any more.
    if row.get("base"):
        return "everything before"
    # The first order and how many more: a line is a line, and `sozu log REVISION` has them all.
    shown = ", ".join(" ".join(_words(order)) for order in row["orders"][:1])
    more = row["count"] - 1
    return f"{shown} and {more} more" if more > 0 else shown


def _words(order: Mapping[str, Any]) -> Iterator[str]:
    yield order["type"]
    # What tells one fact from another, in this order; the rest are its settings.
    yield from (str(order[name]) for name in _NAMES if order.get(name) is not None)
