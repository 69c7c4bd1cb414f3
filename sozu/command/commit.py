"""The one way to a new configuration: `commit(state, orders)` gives the next state, or refuses and leaves everything as it was. Pure.

What each order may do is told by `rules`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sozu.command.draft import Change, Draft
from sozu.command.orders import AnyOrder
from sozu.command.rules import Objection, carry_out, check_new
from sozu.command.rules.codes import code_of
from sozu.command.state import ConfigState


class Refused(Exception):
    """Why a transaction was not committed: its `order` at `index` meets an objection, of this `code`. Nothing has changed."""

    def __init__(self, index: int, order: AnyOrder, reason: str, field: str | None = None, code: str | None = None) -> None:
        super().__init__(reason)
        self.index, self.order, self.reason, self.field = index, order, reason, field
        self.code = code or code_of(Objection(reason, field))


@dataclass(frozen=True, slots=True)
class Commit:
    """What a transaction leads to: the next state, and the changes in the order in which they were made."""

    state: ConfigState
    effects: tuple[Change, ...]

    @property
    def revision(self) -> int:
        """The number of this transaction."""
        return self.state.revision


def commit(state: ConfigState, orders: Iterable[AnyOrder]) -> Commit:
    """Carry out all orders, or none: raises Refused at the first that cannot be.

    Every commit counts, also one without effects: who asks for a revision gets one.
    """
    # What is refused half way has touched the draft alone: to leave everything as it was, nothing has to be undone.
    draft = Draft(state)
    for index, order in enumerate(orders):
        try:
            # Here, and not in `carry_out`, by which workers follow and journals are replayed: an order that was committed before
            # one of these rules came must not stop them.
            check_new(draft, order)
            carry_out(draft, order)
        except Objection as objection:
            # The first objection ends it. Those behind it would be about a state that this order did not make.
            raise Refused(index, order, objection.reason, objection.field, code_of(objection)) from objection
    # Also where nothing has changed: whoever asked finds his transaction under its number, in the journal and in the log.
    return Commit(draft.state(state.revision + 1), tuple(draft.effects))
