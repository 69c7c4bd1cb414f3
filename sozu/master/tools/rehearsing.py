"""What a change would mean, told to whoever thinks about making it: `plan`, and every `dry_run`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sozu.command.commit import Refused
from sozu.command.draft import Change
from sozu.command.facts import Backend
from sozu.command.orders import AnyOrder
from sozu.command.planning.changes import DONE, alterations, counted
from sozu.command.planning.shadows import shadows
from sozu.master.aims import Aim
from sozu.master.aside import Aside
from sozu.master.ledger import Ledger
from sozu.master.loads import Loads, load_of
from sozu.master.tools.tool import Declined, Final, Say
from sozu.master.tools.words import place, plural, which

AT_ONCE = 500  # rows in one answer


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What it is told from."""

    ledger: Ledger
    loads: Loads
    aside: Aside

    def show(self, aim: Aim, say: Say, orders: Sequence[AnyOrder] = ()) -> Final:
        """Each change that this aim would take, then what they come to. Raises Declined where it would be refused."""
        try:
            commit = self.ledger.rehearse(aim)
        except Refused as refusal:
            raise Declined(f"{which(refusal, orders)}{refusal.reason}; nothing was changed", place(refusal)) from refusal
        # Aside, like the rehearsal itself: with ten thousand changes these take longer than the loop may stand still.
        rows = self.aside.call(alterations, commit.effects)
        # Worked out though nobody may look at it: that a frontend can never match is known only once the whole table
        # stands, and a plan is the last moment to hear of it for nothing.
        hidden = self.aside.call(shadows, commit.state)
        for start in range(0, len(rows), AT_ONCE):
            say("", {"changes": rows[start : start + AT_ONCE]})
        touched = self._touched(commit.effects)
        message = f"{counted(rows)}; {_running(touched)}" if rows else "nothing to do"
        # A rehearsed commit counts itself, and nothing was committed. Who gives this number as `if_revision` makes what
        # was shown, or nothing.
        told = {"revision": commit.revision - 1, "changes": len(rows), "shadowed": hidden[:AT_ONCE], "touched": touched}
        return Final(f"{message} (at revision {commit.revision - 1})", told)

    def summary(self, effects: Iterable[Change]) -> str:
        """`2 added, 1 changed, 0 removed`."""
        return counted(self.aside.call(alterations, effects), DONE)

    def _touched(self, effects: Iterable[Change]) -> dict[str, int]:
        """How many exchanges and tunnels run on backends that would go."""
        going = {change.before.key for change in effects if isinstance(change.before, Backend) and change.after is None}
        # Where no backend goes, no worker need be asked.
        loads = self.loads.of({cluster for cluster, _ in going}) if going else {}
        return load_of(loads, going)


def _running(touched: dict[str, int]) -> str:
    parts = [f"{count} {plural(count, name.removesuffix('s'))}" for name, count in touched.items()]
    return f"{' and '.join(parts)} on backends that go, which may end"
