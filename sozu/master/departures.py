"""What was removed while this master ran, and may still have exchanges or sessions: who lost the wait for them may ask again."""

from collections.abc import Iterable, Iterator

from sozu.command.draft import Change
from sozu.command.facts import Backend, Listener
from sozu.command.state import BackendKey

REMEMBERED = 10_000  # backends


class Departures:
    """Backends by key and listeners by address; iterated over, the backends. `before` are those of a master before this one."""

    def __init__(self, before: Iterable[BackendKey] = ()) -> None:
        self._backends: dict[BackendKey, None] = dict.fromkeys(before)
        self._listeners: dict[str, None] = {}

    def __contains__(self, gone: BackendKey | str) -> bool:
        return gone in self._backends or gone in self._listeners

    def __iter__(self) -> Iterator[BackendKey]:
        return iter(tuple(self._backends))

    def follow(self, effects: Iterable[Change]) -> None:
        """Note who went, and who came back."""
        for change in effects:
            match change.before, change.after:
                case _, Backend() as back:
                    self._backends.pop(back.key, None)
                case Backend() as gone, None:
                    self._backends[gone.key] = None
                case _, Listener() as back:
                    self._listeners.pop(back.key, None)
                case Listener() as gone, None:
                    self._listeners[gone.key] = None
        while len(self._backends) > REMEMBERED:
            del self._backends[next(iter(self._backends))]
