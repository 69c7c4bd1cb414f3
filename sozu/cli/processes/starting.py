"""The start of a master, once its command line is understood. The one place that sees both wings, since one executable plays master and worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from sozu.birth import Born
from sozu.cli.announcing import announcer
from sozu.cli.check import configuration_from
from sozu.cli.demo import demo_backends
from sozu.cli.options import chosen_socket
from sozu.cli.processes.programs import PROGRAMS
from sozu.cli.without_file import state_of
from sozu.command.client import SOCKET_VARIABLE
from sozu.command.config import Configuration, settings_without_file
from sozu.command.config.places import journal_beside
from sozu.master import Belongings, CannotStart
from sozu.master import serve as be_master


class NotStarted(click.ClickException):
    """An address, the socket or the journal could not be had; nothing runs."""

    # As for bad input: something has to be changed before it is tried again, and 1 is for a proxy that runs and refuses.
    exit_code = 2


def start(file: Path | None, routes: tuple[str, ...], listen: str, workers: int | None, born: list[Born], *, file_wins: bool, demo: bool) -> int:
    """Be the master until told to stop; the exit code. Raises NotStarted."""
    announce = announcer(file, chosen_socket(), routed=bool(file or routes or demo))
    with _configured_by(file, listen, routes, demo=demo) as (configuration, belongings):
        try:
            chosen, wins = _with_options(configuration, workers), workers is not None
            return be_master(chosen, PROGRAMS, file_wins=file_wins, workers_win=wins, announce=announce, belongings=belongings, born=born)
        except CannotStart as why:
            raise NotStarted(str(why)) from None


@contextmanager
def _configured_by(file: Path | None, listen: str, routes: tuple[str, ...], *, demo: bool) -> Iterator[tuple[Configuration, Belongings]]:
    """What to serve, for as long as the block runs: what --demo starts and --to says is for this run only, its upgrades included."""
    if file is not None:
        yield configuration_from(file), Belongings()
    elif demo:
        # The backends first, as their addresses are the kernel's choice and go into the configuration. They end last, when nobody sends there any more.
        with demo_backends() as (backends, cord), _of_this_run(listen, (*routes, *backends)) as (configuration, folder):
            yield configuration, Belongings(cords=(cord,), folders=(folder,))
    elif routes:
        with _of_this_run(listen, routes) as (configuration, folder):
            yield configuration, Belongings(folders=(folder,))
    else:
        # With a journal that stays: what is added by orders after a bare `sozu serve` is there again at the next one.
        yield Configuration(settings_without_file(), state_of(listen, ())), Belongings()


@contextmanager
def _of_this_run(listen: str, routes: tuple[str, ...]) -> Iterator[tuple[Configuration, str]]:
    # A journal that stayed would win over the next command line, with ports that nobody listens on any more.
    with TemporaryDirectory(prefix="sozu-") as folder:
        # The socket stays where tools look for it; only the journal is of this run.
        settings = msgspec.structs.replace(settings_without_file(), journal=str(Path(folder, "sozu.journal")))
        yield Configuration(settings, state_of(listen, routes), said=frozenset(("journal",))), folder


def _with_options(configuration: Configuration, workers: int | None) -> Configuration:
    """`--socket` and `--workers` go before the file."""
    settings = configuration.settings
    if socket := _named_socket(configuration):
        # Absolute, as all paths in settings are: it is told to tools, which stand in other folders.
        settings = msgspec.structs.replace(settings, command_socket=str(Path(socket).absolute()))
        if "journal" not in configuration.said:
            settings = msgspec.structs.replace(settings, journal=journal_beside(settings.command_socket))
    if workers is not None:
        settings = msgspec.structs.replace(settings, workers=workers)
    return replace(configuration, settings=settings)


def _named_socket(configuration: Configuration) -> str | None:
    # Tools look for the master there and nowhere else. What the file says is meant for this master, the variable for whatever runs in that shell.
    elsewhere = None if "command_socket" in configuration.said else os.environ.get(SOCKET_VARIABLE)
    return chosen_socket() or elsewhere
