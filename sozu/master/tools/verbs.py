"""One small answer per verb: which one it is. What changes something is told in `changing`, what looks in `looking`."""

from dataclasses import dataclass

from sozu.command.orders import AnyOrder, UpdateSettings
from sozu.command.requests import (
    Abort,
    AnyRequest,
    Apply,
    Begin,
    Collect,
    Commit,
    DumpState,
    Explain,
    HardStop,
    ListWorkers,
    LoadState,
    Log,
    Metrics,
    Plan,
    Rollback,
    SaveState,
    SetWorkers,
    SoftStop,
    Status,
    SubscribeEvents,
    UpgradeMaster,
    UpgradeWorker,
)
from sozu.master.aims import nothing_but, these
from sozu.master.stopping import Stopping
from sozu.master.succession.upgrade import Upgrading
from sozu.master.tools.changing import Changing
from sozu.master.tools.collecting import abort, begin, collect, collected, taken
from sozu.master.tools.looking import Looking
from sozu.master.tools.rehearsing import Rehearsal
from sozu.master.tools.tool import Declined, Final, Say, Tool
from sozu.master.tools.words import plural
from sozu.master.workers.leaving import what_is_left
from sozu.master.workers.roster import Roster

LONGEST_GRACE = 86_400.0  # seconds
NEWS_EVERY = 1.0  # seconds between two words to somebody who waits for the end


@dataclass(frozen=True, slots=True)
class Verbs:
    """What the answers are made from."""

    changing: Changing
    looking: Looking
    rehearsal: Rehearsal
    stopping: Stopping
    upgrading: Upgrading
    roster: Roster

    def answer(self, request: AnyOrder | AnyRequest, tool: Tool, say: Say) -> Final:
        """Carry out one request of a tool. Raises Declined."""
        match request:
            case Begin() | Collect() | Abort() | Plan() | Commit() | Apply():
                return self._transact(request, tool, say)
            case Rollback():
                return self.changing.rollback(request, tool, say)
            case LoadState():
                return self.changing.load(request, tool, say)
            case SoftStop(grace=grace):
                return self._soft_stop(grace, say)
            case HardStop():
                return self._hard_stop()
            case UpgradeWorker(worker=worker, grace=grace):
                return self.upgrading.worker(worker, _allowed(grace), say)
            case SetWorkers():
                return self._staff(request, tool, say)
            case UpgradeMaster(grace=grace):
                return self.upgrading.everything(_allowed(grace), say)
            case Status() | ListWorkers() | Metrics() | DumpState() | SaveState() | Log() | Explain() | SubscribeEvents():
                return self.looking.answer(request, tool, say)
            # Only orders are left here, which mypy sees: a verb that is missing above does not pass its check.
            case order:
                return self.changing.order(order, tool, say)

    def _transact(self, request: Begin | Collect | Abort | Plan | Commit | Apply, tool: Tool, say: Say) -> Final:
        match request:
            case Begin():
                return begin(tool)
            case Collect(orders=more):
                return collect(tool, more)
            case Abort():
                return abort(tool)
            case Plan(whole=whole):
                # They stay collected: who likes the plan commits them next.
                orders = collected(tool)
                return self.rehearsal.show(nothing_but(orders) if whole else these(orders), say, orders)
            case Commit(if_revision=if_revision):
                return self.changing.commit(taken(tool), tool, if_revision, say)
            case Apply(if_revision=if_revision):
                return self.changing.apply(tool, if_revision, say)

    def _staff(self, request: SetWorkers, tool: Tool, say: Say) -> Final:
        def remember() -> None:
            # By the way of every order and in the name of the tool, so that journal, log and rollback know of it. What
            # the workers confirm of it is told to nobody: it would be news in the middle of another story.
            self.changing.commit([UpdateSettings(workers=request.count)], tool, None, _quietly)

        return self.upgrading.staff(request.count, _allowed(request.grace), say, remember)

    def _soft_stop(self, grace: float, say: Say) -> Final:
        self.stopping.soft(_allowed(grace))
        # The door is closed after the last worker has ended, so that who stops the proxy hears it to its end.
        while not self.stopping.done.wait(NEWS_EVERY):
            left = len(list(self.roster))
            say(f"{left} {plural(left, 'worker')} still finishing ({what_is_left(self.roster)})", {"workers": left})
        return Final("stopped: every session has ended or its grace was over")

    def _hard_stop(self) -> Final:
        self.stopping.hard()
        self.stopping.done.wait()
        return Final("stopped; sessions under way were cut")


def _quietly(message: str, data: object) -> None:
    """Tell nobody: it is a part of something that is told as a whole."""


def _allowed(grace: float) -> float:
    if not 0 <= grace <= LONGEST_GRACE:
        raise Declined(f"grace: from 0 to {LONGEST_GRACE:g} seconds; nothing was done")
    return grace
