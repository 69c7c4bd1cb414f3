"""A configuration file as something to become: the orders that say it, beside a master that runs."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from sozu.cli.check import BadFile, configuration_from
from sozu.command.client import Client
from sozu.command.commit import commit
from sozu.command.facts import Certificate, Overrides
from sozu.command.orders import AddCertificate, AnyOrder, UpdateSettings
from sozu.command.requests import DumpState
from sozu.command.settings import Settings
from sozu.command.state import ConfigState, orders_of

_LIVE = frozenset(Overrides.__struct_fields__)
REFERENCE = "certificate"  # what a file has in it that refers to one, or names one
_ELSEWHERE = frozenset(("command_socket", "journal", "welcome"))  # given by `serve` itself, or meaningless to compare


def target_of(file: Path, client: Client) -> tuple[list[AnyOrder], list[str]]:
    """The orders that are the whole of this file, and notes on what orders cannot change. Raises BadFile."""
    try:
        # To ask for certificates means to be told the whole state, 10,000 clusters perhaps: not for a file in which the word does not even stand.
        configuration = configuration_from(file, lambda text: _held(client) if REFERENCE in text else ())
    except BadFile as bad:
        # What users of `apply` want to know of an error is whether half of it has happened.
        raise BadFile(f"{bad.message}\nnothing was changed (still at revision {client.revision})") from None
    # What the master was started with, and not what is in force: orders lie over it, and the aim is to say which should.
    started = msgspec.convert(client.status()["settings"], Settings)
    changes = {name: getattr(configuration.settings, name) for name in _LIVE}
    # Only what differs: an order for all would fix each of them at its value of today, and the next master's own file would not count any more.
    settings = UpdateSettings(**{name: value for name, value in changes.items() if value != getattr(started, name)})
    orders = orders_of(configuration.state)
    # An order that says nothing would still be a row in the plan.
    return [settings, *orders] if settings != UpdateSettings() else orders, list(_restarts(started, configuration.settings))


def _held(client: Client) -> list[Certificate]:
    """The certificates of the master, without their keys: an exported file names them by their fingerprints."""
    told = (order for answer in client.ask(DumpState()) for order in answer.data["orders"])
    orders = [msgspec.convert(order, AddCertificate) for order in told if order["type"] == "add_certificate"]
    # Without their listeners, which are not in this state, and the rules would object: to be referred to a certificate needs none.
    state = commit(ConfigState(), [msgspec.structs.replace(order, listeners=()) for order in orders]).state
    return list(state.certificates.values())


def _restarts(started: Settings, wanted: Settings) -> Iterator[str]:
    for name in Settings.__struct_fields__:
        before, after = getattr(started, name), getattr(wanted, name)
        if name not in _LIVE | _ELSEWHERE and before != after:
            yield f"{name} differs from what the master was started with; that takes a restart"
