"""From the journal's records to the state that they lead to. Pure."""

from collections.abc import Iterable
from pathlib import Path

from sozu.command.draft import Draft
from sozu.command.journal.errors import JournalUnusable
from sozu.command.journal.record import Record
from sozu.command.rules import Objection, carry_out
from sozu.command.state import ConfigState


def state_after(path: Path, records: Iterable[Record]) -> ConfigState:
    """The state after these records, which begin with the first one or with a base; `path` is for messages. Raises JournalUnusable.

    One draft serves them all: what each transaction alone was found to be needs no proof again.
    """
    draft = Draft(ConfigState())
    revision = 0
    for record in records:
        revision = record.revision
        try:
            for order in record.orders:
                carry_out(draft, order)
        except Objection as objection:
            why = f"revision {revision} makes no sense to this version: {objection.reason}"
            raise JournalUnusable(f"{path}: {why}") from objection
        draft.effects.clear()
    return draft.state(revision)
