"""`sozu export`: the live configuration as a configuration file."""

import click
import msgspec

from sozu.cli.conversation import conversation
from sozu.cli.options import socket_option
from sozu.command.commit import commit
from sozu.command.config import Configuration, written
from sozu.command.orders import AnyOrder
from sozu.command.requests import DumpState
from sozu.command.settings import Settings, in_force
from sozu.command.state import ConfigState


@click.command()
@socket_option
def export() -> None:
    """
    Write the configuration that is in force as YAML; to `apply` it is then nothing to do.

    \b
    Example:
      sozu export > sozu.yaml
    """
    with conversation() as client:
        settings = msgspec.convert(client.status()["settings"], Settings)
        told = [order for answer in client.ask(DumpState()) for order in answer.data["orders"]]
    state = commit(ConfigState(), msgspec.convert(told, list[AnyOrder])).state
    if state.certificates:
        many = len(state.certificates)
        click.echo(f"note: keys are not exported, nor the certificates for them; to apply this file leaves all {many} as they are", err=True)
        click.echo("note: a master that begins with this file needs their files named in it, by `certificates` of a listener", err=True)
    click.echo(written(Configuration(in_force(settings, state.override), state)), nl=False)
