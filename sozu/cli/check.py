"""`sozu check FILE`: all errors of a configuration file, without a master."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
import gc
from pathlib import Path

import click

from sozu.cli.options import socket_option
from sozu.command.config import Configuration, ConfigurationError, load_configuration
from sozu.command.facts import Certificate

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class BadFile(click.ClickException):
    """A configuration file with errors; each is shown at its place, as a compiler would."""

    # Bad input, as with a wrong option: 1 would say that a master had refused it.
    exit_code = 2

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        """Only the errors themselves, so that an editor can jump to them."""
        click.echo(self.message, err=True)


def configuration_from(file: Path, held: Callable[[str], Collection[Certificate]] = lambda _: ()) -> Configuration:
    """Read a file, once, and say what in it is hardly meant. To certificates that are `held` (asked with its text) it may refer. Raises BadFile with all that is wrong."""
    try:
        with _collecting_nothing():
            configuration = load_configuration(file, held)
    except ConfigurationError as error:
        raise BadFile(f"{error} (`sozu help CODE` says more of each)") from None
    # Not on standard output, which programs read: `plan --json` comes here too.
    for warning in configuration.warnings:
        click.echo(warning.render(), err=True)
    return configuration


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Reading a file of 10,000 clusters takes twice as long with the collector on, and all that is built stays."""
    # `serve` has turned it off before for its whole start, and the master turns it on again: to turn it on here would be too early.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@click.command()
@click.argument("file", type=FILE)
@socket_option
def check(file: Path) -> None:
    """
    Read a configuration file and show all its errors.

    \b
    Example:
      sozu check sozu.yaml
    """
    configuration = configuration_from(file)
    state = configuration.state
    # What was read is counted, so that a file whose half stands behind a `#` or in the wrong section does not pass for a good one.
    sizes = {
        "listener": len(state.listeners),
        "cluster": len(state.clusters),
        "frontend": len(state.frontends),
        "backend": len(state.backends),
    }
    counts = ", ".join(f"{size} {kind}{'' if size == 1 else 's'}" for kind, size in sizes.items())
    warned = f", {len(found)} warning{'' if len(found) == 1 else 's'}" if (found := configuration.warnings) else ""
    click.echo(f"{file}: no errors{warned}; {counts}")
