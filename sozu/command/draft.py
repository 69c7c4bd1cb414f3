"""A state being changed: copies a kind when it is first written to, and keeps account of what was changed. Pure.

It checks nothing: `commit` decides what may be put and taken. A draft that is dropped leaves no trace.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple, cast

from sozu.command.facts import AnyFact, Backend, Certificate, Cluster, Frontend, Listener, Overrides
from sozu.command.state import BackendKey, ConfigState, FrontendKey


class Change(NamedTuple):
    """One fact that came (no `before`), went (no `after`) or was replaced: under its key, or a certificate by another."""

    before: AnyFact | None
    after: AnyFact | None


class Draft:
    """The next state in the making."""

    __slots__ = ("_owned", "_tables", "effects")

    def __init__(self, base: ConfigState) -> None:
        # By kind, so that `put` and `take` serve all kinds; mypy sees none of it, hence the casts below.
        self._tables: dict[Any, Any] = {
            Listener: base.listeners,
            Cluster: base.clusters,
            Frontend: base.frontends,
            Backend: base.backends,
            Certificate: base.certificates,
            Overrides: base.overrides,
            _FRONTEND_KEYS: base.frontend_keys,
            _BACKEND_KEYS: base.backend_keys,
        }
        self._owned: set[Any] = set()
        self.effects: list[Change] = []

    @property
    def listeners(self) -> Mapping[str, Listener]:
        """By address."""
        return cast("Mapping[str, Listener]", self._tables[Listener])

    @property
    def clusters(self) -> Mapping[str, Cluster]:
        """By id."""
        return cast("Mapping[str, Cluster]", self._tables[Cluster])

    @property
    def frontends(self) -> Mapping[FrontendKey, Frontend]:
        """By listener, hostname and path rule."""
        return cast("Mapping[FrontendKey, Frontend]", self._tables[Frontend])

    @property
    def backends(self) -> Mapping[BackendKey, Backend]:
        """By cluster and address."""
        return cast("Mapping[BackendKey, Backend]", self._tables[Backend])

    @property
    def certificates(self) -> Mapping[str, Certificate]:
        """By fingerprint, in the order in which they were added."""
        return cast("Mapping[str, Certificate]", self._tables[Certificate])

    @property
    def overrides(self) -> Mapping[str, Overrides]:
        """The one that there may be, by its key."""
        return cast("Mapping[str, Overrides]", self._tables[Overrides])

    def frontends_of(self, cluster: str) -> list[Frontend]:
        """The frontends that lead to a cluster."""
        return [self.frontends[key] for key in self._tables[_FRONTEND_KEYS].members(cluster)]

    def backends_of(self, cluster: str) -> list[Backend]:
        """The backends of a cluster."""
        return [self.backends[key] for key in self._tables[_BACKEND_KEYS].members(cluster)]

    def put(self, fact: AnyFact) -> None:
        """Add a fact, or replace the one of the same key; putting what is already there changes nothing."""
        kind, key = type(fact), fact.key
        before = self._tables[kind].get(key)
        # No effect, no work: of an `apply` that says ten thousand things again, workers build what has changed.
        if before is not None and before == fact:
            return
        # Copied before it is written to: the state that serves now shares this table, and greenlets and threads read it meanwhile.
        self._own(kind)[key] = fact
        self.effects.append(Change(before, fact))
        # Where there was one, the index has it already, and under the same cluster: of backends that is part of the key, and
        # frontends never move under their key (the rules refuse it, `diff` removes them first).
        if before is None and isinstance(fact, Frontend | Backend):
            self._own(_KEYS[kind]).add(fact.cluster, key)

    def fill(self, facts: Iterable[AnyFact]) -> None:
        """Put the facts of a whole state into a draft of nothing."""
        # Not by `put`: on a draft of nothing there is nothing to compare with, and a worker's start spends its time here. The facts
        # come in rank order, so there are as many groups as kinds.
        for kind, some in groupby(facts, type):
            table, keys = self._own(kind), self._own(_KEYS[kind]) if kind in _KEYS else None
            for fact in some:
                key = fact.key
                table[key] = fact
                self.effects.append(Change(None, fact))
                if keys is not None:
                    keys.add(fact.cluster, key)  # type: ignore[union-attr]  # a frontend or a backend

    def take(self, fact: AnyFact) -> None:
        """Remove a fact that is there."""
        del self._own(type(fact))[fact.key]
        self.effects.append(Change(fact, None))
        if isinstance(fact, Frontend | Backend):
            self._own(_KEYS[type(fact)]).remove(fact.cluster, fact.key)

    def replace(self, before: Certificate, after: Certificate) -> None:
        """Put a certificate in the place of another: in their order too, whose first is the default."""
        facts = self.certificates.items()  # whose keys are there: to ask ten thousand facts for theirs takes a worker some milliseconds
        # A new dict, since a key that is deleted and put again goes to the end, and the order decides which one is the default.
        self._tables[Certificate] = {after.key if fact is before else key: after if fact is before else fact for key, fact in facts}
        self._owned.add(Certificate)
        self.effects.append(Change(before, after))

    def state(self, revision: int) -> ConfigState:
        """What was drafted, as a state; the draft is not to be written to any more."""
        # Without a copy: the tables are handed over, and a draft that was written to afterwards would change a state that others
        # hold for frozen.
        return ConfigState(
            revision=revision,
            listeners=self.listeners,
            clusters=self.clusters,
            frontends=self.frontends,
            backends=self.backends,
            certificates=self.certificates,
            overrides=self.overrides,
            frontend_keys=self._tables[_FRONTEND_KEYS],
            backend_keys=self._tables[_BACKEND_KEYS],
        )

    def _own(self, kind: object) -> Any:
        if kind not in self._owned:
            self._tables[kind] = self._tables[kind].copy()
            self._owned.add(kind)
        return self._tables[kind]


_FRONTEND_KEYS, _BACKEND_KEYS = "frontend keys", "backend keys"
_KEYS: dict[Any, str] = {Frontend: _FRONTEND_KEYS, Backend: _BACKEND_KEYS}
