"""Listings: the orders that rebuild the master's state, shown as aligned columns for people or as JSON for programs.

Plain text in both: it reads the same in a pipe.
"""

from collections.abc import Mapping, Sequence
import json
from typing import Any

import click
import msgspec

from sozu.cli.conversation import collect, converse
from sozu.command.facts import Overrides, Timeouts
from sozu.command.orders import Order
from sozu.command.requests import DumpState, Status
from sozu.command.settings import Settings, in_force

Row = Mapping[str, Any]


def orders_in_force(kind: type[Order]) -> list[Row]:
    """Every order of this kind in the master's dump, with all its fields (those left at their default included)."""
    # One question for all listings: the master says its state as orders, and we choose. It needs no verb for each kind, and a script that
    # reads the dump sees what the table shows.
    dumped = [order for part in collect(DumpState()) for order in part["orders"]]
    tag = kind.__struct_config__.tag
    return [msgspec.to_builtins(_whole(order, kind)) for order in dumped if order["type"] == tag]


def settings_in_force() -> Settings:
    """Those that the master began with, and what orders have changed of them."""
    told = converse(Status()).data
    return in_force(msgspec.convert(told["settings"], Settings), msgspec.convert(told["overrides"], Overrides))


def timeouts_in_force() -> Timeouts:
    """Those of whatever has none of its own."""
    return settings_in_force().timeouts


def show_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, nothing: str) -> None:
    """Print rows under their column names; with `as_json` the rows as they are; `nothing` is said when there are none."""
    if as_json:
        show_json(list(rows))
    elif not rows:
        click.echo(nothing)
    else:
        click.echo("\n".join(aligned(rows, columns)))


def presentable(order: Row) -> Row:
    """An order as it may be on a screen: without a private key."""
    # The master tells no tool a key; orders that never came from it, such as those of a file in a difference, have theirs.
    return {**order, "key": "…"} if "key" in order else order


def show_json(value: object) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, indent=2))


def aligned(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """The header and one line per row, each column as wide as its widest cell."""
    cells = [list(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    # Without blanks at the end: lines stay as they are through copying, `diff` and `git`.
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _whole(order: Row, kind: type[Order]) -> dict[str, Any]:
    # In orders what is as usual is left out, and a program would have to know our defaults to read a listing.
    return msgspec.structs.asdict(msgspec.convert(order, kind, strict=False))


def _cell(value: object) -> str:
    match value:
        case None | "":
            return "-"
        # Before the general case, as the words of a table are for people; JSON has its own.
        case bool():
            return "yes" if value else "no"
        case dict():
            return " ".join(f"{name}={_cell(item)}" for name, item in value.items()) or "-"
        case _:
            return str(value)
