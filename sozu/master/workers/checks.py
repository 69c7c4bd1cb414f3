"""One worker asks backends how they are, and the master tells the others: the one in the lowest running slot, whoever that is at the moment.

Looked after in turns rather than at every change of a worker: a gap of half a second without checks costs nothing, and nobody who fills or ends slots has to
think of it. Workers are told nothing while no cluster wants checks.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import gevent

from sozu.command.state import ConfigState
from sozu.command.worker_protocol import Checked, Learn, RunChecks
from sozu.master.workers.roster import Roster, Worker, WorkerState

TURN: Final = 0.5  # seconds

Key = tuple[str, str]


class Checks:
    """Chooses who asks, and passes on what he finds. `state` gives the state that is in force now."""

    def __init__(self, roster: Roster, state: Callable[[], ConfigState]) -> None:
        self._roster, self._state = roster, state
        self._asking: Worker | None = None
        self._told: set[Worker] = set()
        self._down: set[Key] = set()

    def run(self) -> None:
        """Look after it until somebody ends this greenlet."""
        while True:
            gevent.sleep(TURN)
            self.look()

    def look(self) -> None:
        """One turn."""
        # Once somebody asks, he has to hear when it is another's turn: then there is no way out here.
        if self._asking is None and not any(cluster.health for cluster in self._state().clusters.values()):
            return
        running = [worker for worker in self._roster if worker.state is WorkerState.RUNNING]
        # Before anybody is told to ask: who asks starts from what he knows, and tells only what changes.
        for worker in running:
            self._introduce(worker)
        self._told.intersection_update(running)
        first = min(running, key=lambda worker: worker.slot, default=None)
        if first is not self._asking:
            if self._asking is not None:
                self._asking.link.tell(RunChecks(run=False))
            if first is not None:
                first.link.tell(RunChecks(run=True))
            self._asking = first

    def _introduce(self, worker: Worker) -> None:
        if worker not in self._told:
            self._told.add(worker)
            # All of them are listened to, and not only the one that
            # asks: a verdict may be under way when the turn passes on.
            worker.link.checked = partial(self.hear, worker)
            for cluster, address in self._down:
                worker.link.tell(Learn(cluster=cluster, address=address, up=False))

    def follow(self) -> None:
        """Another configuration is in force. Must not miss one: a backend may leave with one and be back with the next."""
        # As workers do with what nobody asks any more. Were it remembered here, newcomers would be told that the backend is down when it is back and
        # well, and who asks would never contradict: his verdict begins at up and stays there.
        self._down = {key for key in self._down if self._is_asked(key)}

    def _is_asked(self, key: Key) -> bool:
        state = self._state()
        cluster, backend = state.clusters.get(key[0]), state.backends.get(key)
        return cluster is not None and cluster.health is not None and backend is not None and not backend.maintenance

    def hear(self, from_whom: Worker, found: Checked) -> None:
        """Remember a verdict and tell the others."""
        key = (found.cluster, found.address)
        if not self._is_asked(key):
            return  # it was under way while the backend or its checks went
        (self._down.discard if found.up else self._down.add)(key)
        for worker in self._told:
            if worker is not from_whom:
                worker.link.tell(Learn(cluster=found.cluster, address=found.address, up=found.up))
