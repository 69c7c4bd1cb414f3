"""Who is asked and how often: one greenlet for each backend of a cluster that wants checks, while it is this worker's turn to ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gevent

from sozu.command.facts import AnyFact, Backend, Cluster
from sozu.command.state import ConfigState
from sozu.command.terms import Health, ProxyProtocol
from sozu.proxy.health.asking import is_well
from sozu.proxy.health.verdicts import Verdict
from sozu.proxy.loop.connect import Preface
from sozu.proxy.registry import BackendKey, LiveBackend, Registry
from sozu.proxy.stream import Stream

Tell = Callable[[BackendKey, bool], object]  # a verdict has changed


@dataclass(frozen=True, slots=True)
class Target:
    """A backend that is to be asked, and how."""

    name: str
    health: Health
    version: ProxyProtocol | None


class Rounds:
    """`follow` after each transaction, `run` when it begins or ceases to be our turn; verdicts of others come by `learn`."""

    def __init__(self, registry: Registry, connect: Callable[[LiveBackend, Preface], Stream]) -> None:
        self._registry = registry
        self._connect = connect
        self.tell: Tell | None = None  # who wants to know what we find
        self._running = False
        self._targets: dict[BackendKey, Target] = {}
        self._greenlets: dict[BackendKey, Any] = {}
        self._down: set[BackendKey] = set()

    def follow(self, state: ConfigState) -> None:
        """Ask those whom this configuration wants asked."""
        before, self._targets = self._targets, targets_of(state.clusters, state.backends)
        # A greenlet asks the target that it began with, so one whose settings have changed is replaced. What it has found stays in `_down`.
        for key in [key for key in before if before[key] != self._targets.get(key)]:
            self._stop(key)
            if key not in self._targets:
                self._learn(key, up=True)  # nobody will ask it any more
        for key in self._down & self._targets.keys():
            self._registry.found(key, up=False)  # it may have left and come back
        self._start()

    def run(self, *, running: bool) -> None:
        """Is it our turn?"""
        self._running = running
        if running:
            # Whose turn it is may be told by another master than the one that has heard of them, and what does not change is not told again.
            for key in self._down:
                self._tell(key, up=False)
            self._start()
        else:
            # What was found is kept: whoever asks next goes on from there, and no backend becomes well because a worker ended.
            for key in tuple(self._greenlets):
                self._stop(key)

    def learn(self, key: BackendKey, *, up: bool) -> None:
        """What another worker has found out."""
        # A verdict may have been on its way while a transaction took the backend or its checks away. To follow it would take
        # a backend out whom nobody asks any more, and so nobody would bring it back.
        if key in self._targets:
            self._learn(key, up=up)

    def _learn(self, key: BackendKey, *, up: bool) -> None:
        (self._down.discard if up else self._down.add)(key)
        self._registry.found(key, up=up)

    def _tell(self, key: BackendKey, *, up: bool) -> None:
        if self.tell is not None:
            self.tell(key, up)

    def _start(self) -> None:
        if self._running:
            for key in self._targets.keys() - self._greenlets.keys():
                self._greenlets[key] = gevent.spawn(self._ask_on, key, self._targets[key])

    def _stop(self, key: BackendKey) -> None:
        greenlet = self._greenlets.pop(key, None)
        if greenlet is not None:
            # Without waiting for its end: whoever calls is in the middle of following a transaction, or of draining.
            greenlet.kill(block=False)

    def _ask_on(self, key: BackendKey, target: Target) -> None:
        # It begins with what was found before, by whomever: a verdict that took a backend for well would find nothing to change when that
        # recovers, and so never bring it back.
        verdict = Verdict(up=key not in self._down)
        while True:
            # Looked up in each round: between two of them the backend may have gone and come back as another object.
            live = self._registry.find(key)
            known = live is not None and live.addresses  # nobody is ill whose name nobody knows
            if live is not None and known and verdict.hear(self._is_well(live, target), target.health):
                self._learn(key, up=verdict.up)
                self._tell(key, up=verdict.up)
            # The interval runs from answer to question, so that one that answers slowly is never asked twice at once.
            gevent.sleep(target.health.interval)

    def _is_well(self, live: LiveBackend, target: Target) -> bool:
        return is_well(partial(self._connect, live), target.name, target.health, target.version)


def targets_of(clusters: Mapping[str, Cluster], backends: Mapping[BackendKey, Backend]) -> dict[BackendKey, Target]:
    """Whom a configuration wants asked: not those in maintenance, which are expected to be ill."""
    wanted = {name: cluster for name, cluster in clusters.items() if cluster.health is not None}
    if not wanted:
        return {}
    return {
        key: Target(backend.address, cluster.health, cluster.proxy_protocol)
        for key, backend in backends.items()
        if (cluster := wanted.get(backend.cluster)) is not None and cluster.health is not None and not backend.maintenance
    }


# `follow` looks at all clusters and backends: a transaction that changes one route among ten thousand need not pay for it.
def is_checked(fact: AnyFact, state: ConfigState) -> bool:
    """Is it a cluster whose backends are asked, or one of them?"""
    match fact:
        case Cluster(health=health):
            return health is not None
        case Backend(cluster=name):
            return (cluster := state.clusters.get(name)) is not None and cluster.health is not None
        case _:
            return False
