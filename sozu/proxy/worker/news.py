"""What the master should hear unasked: which backends went down, which came up. Told once a tick, so that a backend that flaps floods nobody."""

from collections.abc import Callable
from typing import Literal

from sozu.proxy.registry import BackendKey, Registry

News = Literal["backend_down", "backend_up"]  # which Happened may tell
Tell = Callable[[News, BackendKey, str], object]  # kind, backend, reason


class HealthNews:
    """`look` is called by the worker's tick."""

    def __init__(self, registry: Registry, tell: Tell) -> None:
        self._registry, self._tell = registry, tell
        self._told_down: set[BackendKey] = set()

    def look(self) -> None:
        """Tell what differs from what was told."""
        # Whatever happened between two looks is one entry for each backend: only where it stands now is told, and only if that is not what was told last.
        judged, self._registry.judged = self._registry.judged, {}
        for live, reason in judged.items():
            if live.down and live.key not in self._told_down:
                self._told_down.add(live.key)
                self._tell("backend_down", live.key, reason)
            elif not live.down and live.key in self._told_down:
                self._told_down.discard(live.key)
                self._tell("backend_up", live.key, "")
