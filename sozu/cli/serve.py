"""`sozu serve`: the master. The one place that sees both wings, since one executable plays master and worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
import gc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
import msgspec

from sozu.cli.announcing import announcer
from sozu.cli.check import FILE, configuration_from
from sozu.cli.demo import demo_backends
from sozu.cli.options import chosen_socket, socket_option
from sozu.cli.processes.programs import PROGRAMS
from sozu.cli.without_file import state_of
from sozu.command.config import Configuration, settings_without_file
from sozu.master import Belongings, CannotStart
from sozu.master import serve as be_master

LISTEN: Final = "127.0.0.1:8080"
MOST_WORKERS: Final = 1024  # as in the file


class NotStarted(click.ClickException):
    """An address, the socket or the journal could not be had; nothing runs."""

    exit_code = 2


@click.command()
@click.option("-c", "--config", "file", type=FILE, help="The configuration file.")
@click.option("--apply", "file_wins", is_flag=True, help="Let the file win over the journal.")
@click.option("--demo", is_flag=True, help="Start two small backends and route to them.")
@click.option("--to", "routes", metavar="[HOST=]ADDRESS", multiple=True, help="A backend, for every host or for one; may be repeated.")
@click.option("--listen", metavar="ADDRESS", help=f"Where to accept when there is no file; else {LISTEN}.")
@click.option("--workers", type=click.IntRange(1, MOST_WORKERS), metavar="N", help="Processes that move the traffic, whatever the journal says; else as the file says, or 2.")
@socket_option
def serve(
    file: Path | None, routes: tuple[str, ...], listen: str | None, workers: int | None, *, file_wins: bool, demo: bool
) -> None:
    """
    Start the proxy and stay in the foreground as its master.

    \b
    Examples:
      sozu serve --demo
      sozu serve --to 127.0.0.1:9001
      sozu serve --to blog.example.com=127.0.0.1:9001 --to 127.0.0.1:9002
      sozu serve -c sozu.yaml --workers 4
    """
    _refuse_contradictions(file, routes, listen, file_wins=file_wins, demo=demo)
    gc.disable()  # what is built at the start stays; the master turns it on again
    announce = announcer(file, chosen_socket(), routed=bool(file or routes or demo))
    with _configured_by(file, listen or LISTEN, routes, demo=demo) as (configuration, belongings):
        try:
            chosen, wins = _with_options(configuration, workers), workers is not None
            code = be_master(chosen, PROGRAMS, file_wins=file_wins, workers_win=wins, announce=announce, belongings=belongings)
        except CannotStart as why:
            raise NotStarted(str(why)) from None
    click.get_current_context().exit(code)


def _refuse_contradictions(
    file: Path | None, routes: tuple[str, ...], listen: str | None, *, file_wins: bool, demo: bool
) -> None:
    if file is not None and (routes or demo or listen):
        raise click.UsageError("--to, --demo and --listen are for a start without a file. Nothing was started.")
    if file is None and file_wins:
        raise click.UsageError("--apply lets a file win: name it with -c. Nothing was started.")


@contextmanager
def _configured_by(file: Path | None, listen: str, routes: tuple[str, ...], *, demo: bool) -> Iterator[tuple[Configuration, Belongings]]:
    """What to serve, for as long as the block runs: what --demo starts and --to says is for this run only, its upgrades included."""
    if file is not None:
        yield configuration_from(file), Belongings()
    elif demo:
        with demo_backends() as (backends, cord), _of_this_run(listen, (*routes, *backends)) as (configuration, folder):
            yield configuration, Belongings(cords=(cord,), folders=(folder,))
    elif routes:
        with _of_this_run(listen, routes) as (configuration, folder):
            yield configuration, Belongings(folders=(folder,))
    else:
        yield Configuration(settings_without_file(), state_of(listen, ())), Belongings()


@contextmanager
def _of_this_run(listen: str, routes: tuple[str, ...]) -> Iterator[tuple[Configuration, str]]:
    # A journal that stayed would win over the next command line, with ports that nobody listens on any more.
    with TemporaryDirectory(prefix="sozu-") as folder:
        settings = msgspec.structs.replace(settings_without_file(), journal=str(Path(folder, "sozu.journal")))
        yield Configuration(settings, state_of(listen, routes)), folder


def _with_options(configuration: Configuration, workers: int | None) -> Configuration:
    """`--socket` and `--workers` go before the file."""
    socket = chosen_socket()
    settings = configuration.settings
    if socket is not None:
        settings = msgspec.structs.replace(settings, command_socket=str(Path(socket).absolute()))
    if workers is not None:
        settings = msgspec.structs.replace(settings, workers=workers)
    return replace(configuration, settings=settings)
