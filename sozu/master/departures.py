"""What was removed while this master ran, and may still have exchanges or sessions: who lost the wait for them may ask again."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster, Frontend, Listener
from sozu.command.state import BackendKey, FrontendKey

Key = TypeVar("Key", str, BackendKey, FrontendKey)

# A bound, because a proxy that is told by a scheduler what runs removes backends for as
# long as it lives; this many backends and frontends hold about 5 MB
# (docs/decisions/009.md). Who asks for one that was forgotten hears that there is none.
REMEMBERED = 10_000  # of each kind


class Departures:
    """Their keys, those that went first in front. The arguments are those of a master before this one."""

    def __init__(
        self,
        backends: Iterable[BackendKey] = (),
        frontends: Iterable[FrontendKey] = (),
        listeners: Iterable[str] = (),
        clusters: Iterable[str] = (),
    ) -> None:
        # Dictionaries without values: unlike sets they keep the order
        # in which things came, and the bound lets go of the oldest.
        self.backends: dict[BackendKey, None] = dict.fromkeys(backends)
        self.frontends: dict[FrontendKey, None] = dict.fromkeys(frontends)
        self.listeners: dict[str, None] = dict.fromkeys(listeners)
        self.clusters: dict[str, None] = dict.fromkeys(clusters)

    def follow(self, effects: Iterable[Change]) -> None:
        """Note who went, and who came back."""
        for change in effects:
            if change.before is None or change.after is None:  # what is replaced was there and stays there
                self._follow(change)
        _bound(self.backends)
        _bound(self.frontends)
        _bound(self.listeners)
        _bound(self.clusters)

    def pack(self) -> None:
        """Make anew what is remembered: each of these was made among much that may have gone, and keeps memory around it from the system."""
        # All goes before any of it is made: what comes meanwhile would be put in the same places.
        # Through bytes, because a copy of the containers would go on holding the very strings that pin the memory.
        remembered = (self.backends, self.frontends, self.listeners, self.clusters)
        backends, frontends, listeners, clusters = (msgspec.msgpack.encode(tuple(keys)) for keys in remembered)
        for keys in remembered:
            keys.clear()
        self.backends = dict.fromkeys(_read(backends, list[BackendKey]))
        self.frontends = dict.fromkeys(_read(frontends, list[FrontendKey]))
        self.listeners = dict.fromkeys(_read(listeners, list[str]))
        self.clusters = dict.fromkeys(_read(clusters, list[str]))

    def _follow(self, change: Change) -> None:
        match change.before, change.after:
            case _, Backend() as back:
                self.backends.pop(back.key, None)
            case Backend() as gone, None:
                self.backends[gone.key] = None
            case _, Listener() as back:
                self.listeners.pop(back.key, None)
            case Listener() as gone, None:
                self.listeners[gone.key] = None
            case _, Frontend() as back:
                self.frontends.pop(back.key, None)
            case Frontend() as gone, None:
                self.frontends[gone.key] = None
            case _, Cluster() as back:
                self.clusters.pop(back.key, None)
            case Cluster() as gone, None:
                self.clusters[gone.key] = None


def _bound(keys: dict[Key, None]) -> None:
    while len(keys) > REMEMBERED:
        del keys[next(iter(keys))]


def _read(keys: bytes, kind: type[list[Key]]) -> list[Key]:
    return msgspec.msgpack.decode(keys, type=kind)
