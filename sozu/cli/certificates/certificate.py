"""`sozu certificate …`: what listeners show to clients. Keys are read here and sent over the command socket; no listing shows one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from sozu.cli.certificates.reading import read_files
from sozu.cli.conversation import Unconfirmed, order
from sozu.cli.listing import orders_in_force, show_rows
from sozu.cli.options import json_option, socket_option
from sozu.command.certificates.names import covers
from sozu.command.orders import AddCertificate, AddCluster, AddHttpFrontend, RemoveCertificate, ReplaceCertificate

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
COLUMNS: Final = ("fingerprint", "names", "kind", "expires", "listeners", "use")
LEFT_OUT: Final = frozenset(("certificate", "private_key", "chain", "force", "listener"))


@click.group()
@socket_option
def certificate() -> None:
    """
    Add, replace, remove or list the certificates of https listeners.

    \b
    Example:
      sozu certificate add fullchain.pem privkey.pem
    """


@certificate.command()
@click.argument("certificate_file", metavar="CERT", type=FILE)
@click.argument("key_file", metavar="KEY", type=FILE)
@click.option("--chain", "chain_file", type=FILE, help="The certificates between it and its root, if CERT has them not.")
@click.option("--listener", metavar="ADDRESS", help="For one https listener only; else for all.")
@click.option("--for-backends", is_flag=True, help="To be shown to backends, by clusters that name it; served nowhere.")
@click.option("--force", is_flag=True, help="Also if it is not valid now, or taken from frontends that need it.")
@socket_option
def add(certificate_file: Path, key_file: Path, chain_file: Path | None, listener: str | None, *, force: bool, for_backends: bool) -> None:
    """
    Serve a certificate for the names in it. The order of its chain does not matter.

    \b
    Examples:
      sozu certificate add fullchain.pem privkey.pem
      sozu certificate add cert.pem key.pem --chain chain.pem --listener 127.0.0.1:8443
      sozu certificate add proxy.pem proxy.key --for-backends
    """
    # Examined before it is sent: what is wrong is shown with its line, which the master, who gets texts without names of files, could not name.
    fact = read_files(certificate_file, key_file, chain_file, force=force, for_backends=for_backends)
    # As it was read, with the chain in order and the key without its file's other blocks; the master examines it again, since it believes no tool.
    texts: dict[str, Any] = {"certificate": fact.certificate, "private_key": fact.private_key, "chain": fact.chain}
    _order(AddCertificate(**texts, listener=listener, force=force, for_backends=for_backends), fact.fingerprint)


@certificate.command()
@click.argument("old", metavar="OLD_FINGERPRINT")
@click.argument("certificate_file", metavar="CERT", type=FILE)
@click.argument("key_file", metavar="KEY", type=FILE)
@click.option("--chain", "chain_file", type=FILE, help="The certificates between it and its root, if CERT has them not.")
@click.option("--for-backends", is_flag=True, help="The old one is, so this one needs no name.")
@click.option("--force", is_flag=True, help="Also if it is not valid now, or not for all that frontends need the old one for.")
@socket_option
def replace(old: str, certificate_file: Path, key_file: Path, chain_file: Path | None, *, force: bool, for_backends: bool) -> None:
    """
    Serve a certificate in the place of another, in one step; frontends pinned to the old one are pinned to the new one. Refused if
    it leaves a frontend without a certificate for its hostname.

    \b
    Example:
      sozu certificate replace 9f86d081884c7d65... fullchain.pem privkey.pem
    """
    fact = read_files(certificate_file, key_file, chain_file, force=force, for_backends=for_backends)
    texts: dict[str, Any] = {"certificate": fact.certificate, "private_key": fact.private_key, "chain": fact.chain}
    # One order, and no `remove` with an `add`: between those two a handshake would find none, and the other way round all pins would have to be moved
    # one by one.
    _order(ReplaceCertificate(fingerprint=old, **texts, force=force, for_backends=for_backends), fact.fingerprint)


def _order(change: AddCertificate | ReplaceCertificate, fingerprint: str) -> None:
    try:
        order(change)
    except Unconfirmed:  # committed, and so there to be named
        click.echo(fingerprint)
        raise
    # Alone on a line of its own, after the answer: a script keeps it for the `replace` to come.
    click.echo(fingerprint)


@certificate.command()
@click.argument("fingerprint")
@click.option("--force", is_flag=True, help="Also if frontends need it.")
@socket_option
def remove(fingerprint: str, *, force: bool) -> None:
    """
    Serve a certificate no more. Refused while a frontend is pinned to it, or has no other certificate for its hostname.

    \b
    Example:
      sozu certificate remove 9f86d081884c7d65...
    """
    order(RemoveCertificate(fingerprint=fingerprint, force=force))


@certificate.command("list")
@json_option
@socket_option
def list_certificates(*, as_json: bool) -> None:
    """
    List the certificates: names, expiry, and by how many frontends each is used. Never a key.

    \b
    Example:
      sozu certificate list --json
    """
    # The use is worked out here: it follows from what is told anyway, and the master does not count frontends for whoever only lists.
    frontends, clusters = orders_in_force(AddHttpFrontend), orders_in_force(AddCluster)
    rows = [_row(row, frontends, clusters) for row in orders_in_force(AddCertificate)]
    # Joined for people only: a program gets lists.
    if not as_json:
        rows = [{**row, "names": " ".join(row["names"]), "listeners": " ".join(row["listeners"])} for row in rows]
    show_rows(rows, COLUMNS, as_json=as_json, nothing="No certificate. Add one: sozu certificate add CERT KEY")


Rows = Sequence[Mapping[str, Any]]


def _row(row: Mapping[str, Any], frontends: Rows, clusters: Rows) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in LEFT_OUT}
    use = _use_by_backends(row, clusters) if row["for_backends"] else _use(row, frontends)
    return {**shown, "expires": datetime.fromtimestamp(row["not_after"], UTC).strftime("%Y-%m-%d %H:%M UTC"), **use}


def _use(row: Mapping[str, Any], frontends: Rows) -> dict[str, Any]:
    pinned = sum(frontend["certificate"] == row["fingerprint"] for frontend in frontends)
    # A passthrough is not counted: the handshake is its backend's, with a certificate that is not ours. An expression names no hostname to compare.
    named = [frontend["hostname"] for frontend in frontends if frontend["hostname"] and not frontend["passthrough"]]
    covered = sum(covers(row["names"], hostname) for hostname in named)
    return {"pinned": pinned, "covered": covered, "use": f"{covered} covered, {pinned} pinned"}


def _use_by_backends(row: Mapping[str, Any], clusters: Rows) -> dict[str, Any]:
    shown = sum((cluster["tls"] or {}).get("certificate") == row["fingerprint"] for cluster in clusters)
    return {"clusters": shown, "use": f"shown to backends of {shown} cluster{'' if shown == 1 else 's'}"}
