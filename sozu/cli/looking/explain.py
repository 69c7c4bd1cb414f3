"""`sozu explain [METHOD] URL`: whose request it would be, and why."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from sozu.cli.check import configuration_from
from sozu.cli.conversation import conversation
from sozu.cli.listing import aligned, show_json
from sozu.cli.options import json_option, socket_option
from sozu.command.planning.explaining import BadUrl, asked_of
from sozu.command.planning.explaining import explain as explained
from sozu.command.requests import Explain

_COLUMNS = ("address", "id", "state", "exchanges", "tunnels", "idle", "weight", "backup")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[METHOD] URL")
@click.option("-H", "--header", "headers", metavar="NAME:VALUE", multiple=True, help="A field that the request has; may be repeated.")
@click.option("--listener", metavar="ADDRESS", help="Where the request comes in; else all listeners.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Explain a configuration file, which need not be applied.")
@json_option
@socket_option
def explain(words: tuple[str, ...], headers: tuple[str, ...], listener: str | None, file: Path | None, *, as_json: bool) -> None:
    """
    Show which frontend takes a request, why the others do not, and the cluster with its backends as the workers see them.

    \b
    Examples:
      sozu explain http://blog.example.com/api
      sozu explain POST blog.example.com/api -H beta:1
      sozu explain blog.example.com --file sozu.yaml
    """
    # The method stands first, as in a request line, and may be left out: two kinds of arguments in one, so they are counted by hand.
    if len(words) > 2:
        raise click.UsageError("a method and a URL, or a URL alone")
    request = Explain(url=words[-1], method=words[0] if len(words) == 2 else "GET", headers=dict(map(_header, headers)), listener=listener)
    # By the same code as in the master, but with a state of our own: it needs no master, and knows nothing of loads.
    told = _of_file(file, request) if file is not None else _of_master(request)
    if as_json:
        show_json(told)
    else:
        # A page for each group of listeners that do the same with it: ten that differ in nothing are told at once. Where none accepts there is no page.
        click.echo("\n\n".join("\n".join(_page(each)) for each in told) or "nobody listens: there is no active listener")


def _of_master(request: Explain) -> list[dict[str, Any]]:
    with conversation() as client:
        told: list[dict[str, Any]] = client.order(request).data["explanations"]
        return told


def _of_file(file: Path, request: Explain) -> list[dict[str, Any]]:
    configuration = configuration_from(file)
    try:
        asked = asked_of(request.url, request.method, request.headers)
    except BadUrl as error:
        # Without a master it is bad input (2); asked of the master the same URL is refused by it (1).
        raise click.UsageError(str(error)) from None
    found = explained(configuration.state, configuration.settings, asked, request.listener)
    rows: list[dict[str, Any]] = msgspec.to_builtins(found)
    # Where the master puts in what its workers see, here is what the file says: the columns follow from what there is.
    for row, each in zip(rows, found, strict=True):
        backends = configuration.state.backends_of(each.cluster) if each.cluster is not None else []
        row["backends"] = [msgspec.to_builtins(backend) for backend in backends]
    return rows


def _header(text: str) -> tuple[str, str]:
    # As curl's -H takes it, which is where one copies it from.
    name, colon, value = text.partition(":")
    if not colon or not name:
        raise click.BadParameter(f"{text!r}: expected NAME:VALUE")
    return name.strip(), value.strip()


def _page(told: Mapping[str, Any]) -> list[str]:
    lines = [f"{told['method']} {told['host']}{told['target']} on {', '.join(told['listeners'])}: {told['answer']}"]
    lines += map(_candidate, told.get("candidates", ()))
    lines += [f"  it has {name}: {value}" for name, value in told.get("does", {}).items()]
    lines += [f"  certificate {fingerprint}" for fingerprint in told.get("certificates", ())]
    if told.get("cluster") is not None:
        lines += [f"cluster {told['cluster']}", *_backends(told["backends"])]
    return lines


def _candidate(one: Mapping[str, str]) -> str:
    sign = "+" if one["verdict"] == "takes it" else "-"
    return f"  {sign} {one['frontend']} of cluster {one['cluster']}: {one['verdict']}, {one['why']}"


def _backends(rows: list[dict[str, Any]]) -> list[str]:
    # Loads are known only where workers were asked, so their columns are left out where no row has them.
    columns = [column for column in _COLUMNS if any(column in row for row in rows)]
    # What a client would get: an empty table would look like a fault of this verb.
    return [f"  {line}" for line in aligned(rows, columns)] if rows else ["  no backend: 503"]
