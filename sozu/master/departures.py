"""What was removed while this master ran, and may still have exchanges or sessions: who lost the wait for them may ask again."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from sozu.command.draft import Change
from sozu.command.facts import Backend, Frontend, Listener
from sozu.command.state import BackendKey, FrontendKey

Key = TypeVar("Key", BackendKey, FrontendKey)

# A bound, because a proxy that is told by a scheduler what runs removes backends for as
# long as it lives; this many backends and frontends hold about 5 MB
# (docs/decisions/009.md). Who asks for one that was forgotten hears that there is none.
REMEMBERED = 10_000  # backends, and frontends


class Departures:
    """Backends and frontends by key, listeners by address; iterated over, the backends. `before` are those of a master before this one."""

    def __init__(self, before: Iterable[BackendKey] = ()) -> None:
        # Dictionaries without values: unlike sets they keep the order
        # in which things came, and the bound lets go of the oldest.
        self._backends: dict[BackendKey, None] = dict.fromkeys(before)
        self._listeners: dict[str, None] = {}
        self._frontends: dict[FrontendKey, None] = {}

    def __contains__(self, gone: BackendKey | FrontendKey | str) -> bool:
        return gone in self._backends or gone in self._listeners or gone in self._frontends

    def __iter__(self) -> Iterator[BackendKey]:
        return iter(tuple(self._backends))

    def follow(self, effects: Iterable[Change]) -> None:
        """Note who went, and who came back."""
        for change in effects:
            if change.before is None or change.after is None:  # what is replaced was there and stays there
                self._follow(change)
        while len(self._backends) > REMEMBERED:
            del self._backends[next(iter(self._backends))]
        while len(self._frontends) > REMEMBERED:
            del self._frontends[next(iter(self._frontends))]

    def pack(self) -> None:
        """Make anew what is remembered: each of these was made among much that may have gone, and keeps memory around it from the system."""
        # All goes before any of it is made: what comes meanwhile would be put in the same places.
        # Through bytes, because a copy of the containers would go on holding the very strings that pin the memory.
        backends, frontends = (msgspec.msgpack.encode(tuple(keys)) for keys in (self._backends, self._frontends))
        self._backends, self._frontends = {}, {}
        self._backends = dict.fromkeys(_read(backends, list[BackendKey]))
        self._frontends = dict.fromkeys(_read(frontends, list[FrontendKey]))

    def _follow(self, change: Change) -> None:
        match change.before, change.after:
            case _, Backend() as back:
                self._backends.pop(back.key, None)
            case Backend() as gone, None:
                self._backends[gone.key] = None
            case _, Listener() as back:
                self._listeners.pop(back.key, None)
            case Listener() as gone, None:
                self._listeners[gone.key] = None
            case _, Frontend() as back:
                self._frontends.pop(back.key, None)
            case Frontend() as gone, None:
                self._frontends[gone.key] = None


def _read(keys: bytes, kind: type[list[Key]]) -> list[Key]:
    return msgspec.msgpack.decode(keys, type=kind)
