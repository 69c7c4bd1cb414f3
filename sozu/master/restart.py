"""The state a master begins with: the journal wins over the file, loudly, unless the file was told to win.

The journal wins because it holds what tools changed while we served. When its last record came from a file itself, nobody has changed
anything since, and a file that was edited meanwhile simply takes effect (docs/decisions/001.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
import logging
import os
import sys

from sozu.command.commit import commit
from sozu.command.journal import Journal, state_after
from sozu.command.orders import AnyOrder, UpdateSettings
from sozu.command.state import ConfigState, diff, orders_of
from sozu.master.author import Author
from sozu.master.ledger import Ledger
from sozu.master.ports import remembered_ports
from sozu.master.sockets import ListenerSockets

log = logging.getLogger("sozu.master")


@dataclass(frozen=True, slots=True)
class Beginning:
    """How the state came about: where the journal has won, what it `held`, and what the file `wanted`."""

    held: ConfigState = field(default_factory=ConfigState)
    wanted: Sequence[AnyOrder] = ()

    def difference(self) -> tuple[AnyOrder, ...]:
        """What the file says beyond the journal, as orders that were not carried out. It takes its time; nobody who waits for a worker waits for it."""
        if not self.wanted and not self.held.revision:
            return ()
        missing = tuple(diff(self.held, commit(ConfigState(), self.wanted).state))
        if missing:
            log.warning("event=journal_wins revision=%d orders_of_file_not_applied=%d", self.held.revision, len(missing))
        return missing


@dataclass(frozen=True, slots=True)
class Replayed:
    """The state after the last record; `from_file` when a file was what made it so, or when there is no record."""

    state: ConfigState
    from_file: bool


def replayed(journal: Journal) -> Replayed:
    """What the journal says. Raises JournalError."""
    records = journal.replay()
    state = state_after(journal.path, records)
    # No record counts as a file's: nobody has changed anything
    # live that an edited file could undo (docs/decisions/001.md).
    return Replayed(state, from_file=not records or records[-1].from_file)


def tell_if_torn(journal: Journal) -> None:
    """Its last line may have been cut off."""
    if journal.torn is not None:
        log.warning("event=journal_torn offset=%d dropped=%d", journal.torn.offset, len(journal.torn.dropped))


def begin(ledger: Ledger, sockets: ListenerSockets, file: ConfigState, *, file_wins: bool, workers_win: bool = False) -> Beginning:
    """Bring the ledger to its first state, and listen. `file_wins` where the journal's last record is from a file, or by order.

    With `workers_win` the number of workers is what the settings say, whatever orders have made of it. Raises CannotListen, Refused or NotWritten.
    """
    # `serve --workers N` is about this one number: all else that tools have changed still wins over the file. It is an
    # order like any other, so the journal says it and `rollback` knows it; and it is not said to be the file's, since
    # the rest of the state is what tools have made of it.
    if workers_win and ledger.state.override.workers is not None:
        _carry_out(ledger, [UpdateSettings(workers=None)], from_file=False)
    # Read after that order, which has made another state.
    held = ledger.state
    # Without this a file with port 0 would differ from the journal
    # at each start, and to apply it would move the listener.
    wanted = remembered_ports(orders_of(file), held.listeners.values())
    if file_wins and (missing := tuple(diff(held, commit(ConfigState(), wanted).state))):
        _carry_out(ledger, wanted if held.revision == 0 else missing, from_file=True)
        # An edit that takes effect is no surprise, but whoever restarted for another reason should find in the log what came along.
        if held.revision:
            log.info("event=file_applied revision=%d orders=%d", ledger.state.revision, len(missing))
        return Beginning()
    # What a file brings is opened by the commit that brings it. What the journal holds was committed by another
    # process, and only its sockets are missing; those of workers that were found are there already.
    for listener in held.listeners.values():
        if listener.active and listener.address not in sockets:
            sockets.open(listener.address)
    return Beginning() if file_wins else Beginning(held, wanted)


def _carry_out(ledger: Ledger, orders: Iterable[AnyOrder], *, from_file: bool) -> None:
    for _ in ledger.propose(tuple(orders), Author(os.getuid(), os.getpid(), " ".join(sys.argv), from_file=from_file)):
        raise AssertionError("there is no worker yet that could have answered")
