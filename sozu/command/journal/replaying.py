"""From the journal's records to the state that they lead to. Pure."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from sozu.command.draft import Draft
from sozu.command.journal.errors import JournalUnusable
from sozu.command.journal.record import Record
from sozu.command.orders import AddCluster, AnyOrder
from sozu.command.rules import Objection, carry_out
from sozu.command.rules.affinity import KEYED
from sozu.command.state import ConfigState


def as_carried_out(order: AnyOrder) -> AnyOrder:
    """An order that an older version took and this one refuses, as it was carried out then: a start must not fail for it."""
    if isinstance(order, AddCluster) and order.slow_start is not None and order.load_balancing in KEYED:
        return replace(order, slow_start=None)  # up to 0.1.0, where it did nothing
    return order


def state_after(path: Path, records: Iterable[Record]) -> ConfigState:
    """The state after these records, which begin with the first one or with a base; `path` is for messages. Raises JournalUnusable.

    One draft serves them all: what each transaction alone was found to be needs no proof again.
    """
    draft = Draft(ConfigState())
    revision = 0
    for record in records:
        revision = record.revision
        try:
            # `carry_out` and not `commit`, which asks more of new orders (`check_new`): what is in the journal has been
            # obeyed already, and a start that refuses it leaves no proxy.
            for order in record.orders:
                carry_out(draft, as_carried_out(order))
        except Objection as objection:
            why = f"revision {revision} makes no sense to this version: {objection.reason}"
            raise JournalUnusable(f"{path}: {why}") from objection
        # Nobody follows them here, and of ten thousand records they would all be kept until the end.
        draft.effects.clear()
    return draft.state(revision)
