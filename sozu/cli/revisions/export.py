"""`sozu export`: the live configuration as a configuration file."""

from collections.abc import Sequence
import os
from pathlib import Path

import click
import msgspec

from sozu.cli.conversation import conversation
from sozu.cli.options import socket_option
from sozu.command.client import Client
from sozu.command.commit import commit
from sozu.command.config import Configuration, written
from sozu.command.config.writing import file_names
from sozu.command.journal import saved
from sozu.command.orders import AnyOrder
from sozu.command.requests import DumpState, SaveState
from sozu.command.settings import Settings, in_force
from sozu.command.state import ConfigState


@click.command()
@click.option(
    "--with-keys",
    type=click.Path(file_okay=False, path_type=Path),
    is_flag=False,
    flag_value=Path("sozu.keys"),
    metavar="[FOLDER]",
    help="Put the certificates and their private keys into this folder, and name them in the file; else into ./sozu.keys.",
)
@socket_option
def export(with_keys: Path | None) -> None:
    """
    Write the configuration that is in force as YAML; to `apply` it is then nothing to do.

    Private keys are left out, unless --with-keys puts them into a folder for yourself alone, each in a file that is named by its certificate.

    \b
    Examples:
      sozu export > sozu.yaml
      sozu export --with-keys /root/sozu.keys > sozu.yaml
    """
    # The paths go into the file, which will be read from elsewhere.
    folder = None if with_keys is None else with_keys.absolute()
    with conversation() as client:
        settings = msgspec.convert(client.status()["settings"], Settings)
        state = _told(client) if folder is None else _saved(client, folder)
    # As in force, orders' settings included: the file would otherwise undo them when it is applied.
    text = written(Configuration(in_force(settings, state.override), state), None if folder is None else str(folder))
    if folder is None:
        _warn(len(state.certificates))
    else:
        # Before the file is shown: if the keys cannot be written, there is no file that names them.
        _keep(state, folder)
        # Looked for in the text itself, since whatever decides what has a place in a file is there, and nowhere twice.
        _warn_of_the_unnamed([each for each in state.certificates if each not in text])
    click.echo(text, nl=False)


def _warn(many: int) -> None:
    if many:
        click.echo(f"note: keys are not exported, nor the certificates for them; to apply this file leaves all {many} as they are", err=True)
        click.echo("note: a master that begins with this file needs their files named in it, by `certificates` of a listener", err=True)


def _warn_of_the_unnamed(fingerprints: Sequence[str]) -> None:
    for each in fingerprints:
        click.echo(f"note: certificate {each} is shown by no cluster and served at no listener: it has no place in the file, and to apply it removes it", err=True)


def _told(client: Client) -> ConfigState:
    told = [order for answer in client.ask(DumpState()) for order in answer.data["orders"]]
    # The dump is the orders that build the state, so to carry them out gives it back; certificates come without their keys, which nobody checks here.
    return commit(ConfigState(), msgspec.convert(told, list[AnyOrder])).state


def _saved(client: Client, folder: Path) -> ConfigState:
    """What the master tells nobody it writes to a file that only we can read."""
    # A folder that is there keeps its mode: it is the user's. The files in it are closed to others by themselves.
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / "state"
    try:
        # The command socket tells nobody a key, not even its owner; what the master writes for a tool has mode 0600.
        client.order(SaveState(path=str(file)))
        return saved.load(file)
    finally:
        # Whatever comes, also where the master has written it and its answer is lost: it has all keys in it, and nobody would look
        # for it here.
        file.unlink(missing_ok=True)


def _keep(state: ConfigState, folder: Path) -> None:
    for each in state.certificates.values():
        # The chain behind its certificate, as servers take it: so one file is enough.
        texts = ("".join((each.certificate, *each.chain)), each.private_key)
        for name, text in zip(file_names(each.fingerprint), texts, strict=True):
            with open(folder / name, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                # The mode of `open` is for a new file: one that was there, open to all, would keep its own. Before the first byte is written.
                os.fchmod(file.fileno(), 0o600)
                file.write(text)
