"""What runs on the backends just now, as the workers see them: for `plan`, `explain` and `backend list`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sozu.command.state import BackendKey
from sozu.command.worker_protocol import AskBackends
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.roster import Roster, WorkerState

# A tool waits for `plan` or `explain`: figures that lack one
# worker's part are worth more to it than those that come late.
PATIENCE = 1.0  # seconds; a worker that is later is left out
# The names of a question have to fit into one frame of 2 MiB.
MOST_NAMED = 5000  # clusters in one question; beyond it all are asked for

Load = dict[str, int]
# The worst comes first: `state_of` shows the first one that any worker sees.
TROUBLES: Final = ("pending", "down", "resting")  # without an address so far; out of reach, or failing its checks; left alone after failures


@dataclass(frozen=True, slots=True)
class Loads:
    """Who is asked."""

    roster: Roster

    def of(self, clusters: Collection[str]) -> dict[BackendKey, Load]:
        """Exchanges, tunnels and idle connections of each backend of these clusters, added up; and for how many workers it is in which trouble."""
        named = tuple(clusters) if len(clusters) <= MOST_NAMED else ()
        gathering = Gathering(PATIENCE)
        for worker in self.roster:
            # One that starts answers only after it has read the whole state, and until then it runs nothing.
            if worker.state is not WorkerState.STARTING:
                gathering.ask(worker, lambda number: [AskBackends(id=number, clusters=named)])
        loads: dict[BackendKey, Load] = {}
        # News count like the final word: a worker with many backends tells them in parts (AskBackends).
        for _, reply in gathering.replies():
            for row in reply.data or ():
                _add(loads, row)
        return loads


def load_of(loads: Mapping[BackendKey, Load], keys: Collection[BackendKey]) -> Load:
    """The exchanges and tunnels of these backends together."""
    chosen = [loads[key] for key in keys if key in loads]
    # Workers count a tunnel among the exchanges. Here they are told apart, so that nobody who reads both numbers counts
    # one twice.
    tunnels = sum(load["tunnels"] for load in chosen)
    return {"exchanges": sum(load["exchanges"] for load in chosen) - tunnels, "tunnels": tunnels}


def _add(loads: dict[BackendKey, Load], row: Mapping[str, Any]) -> None:
    load = loads.setdefault((row["cluster"], row["address"]), dict.fromkeys(("exchanges", "tunnels", "idle", *TROUBLES), 0))
    for name in load:
        # A worker of an earlier version may not know of each trouble: what it does not say is 0.
        load[name] += row.get(name, 0)


def state_of(load: Load) -> str:
    """The worst that any worker says of a backend, or `up`."""
    return next((trouble for trouble in TROUBLES if load[trouble]), "up")
