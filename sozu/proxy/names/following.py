"""Backends whose address is a name: pending until it is known, then wherever DNS says they are now.

Each name is looked up by a greenlet of its own, again when its time to live is over. What was known holds while DNS is silent: a proxy must not lose its backends
because a resolver did. One name may have several addresses: new connections take turns.
"""

from collections.abc import Callable, Iterable
import logging
from typing import Any

import gevent

from sozu.command.addresses import named_address, parse_address
from sozu.command.facts import Backend
from sozu.command.state import ConfigState
from sozu.proxy.names.lookup import Found, NoAddress, look_up
from sozu.proxy.registry import BackendKey, Registry

log = logging.getLogger("sozu.proxy")

# A time of 0 is legal (RFC 1035 section 3.2.1), and would be one question after the other; one of weeks would keep a mistake in a zone for weeks.
SHORTEST, LONGEST = 1.0, 3600.0  # seconds: whatever a time to live says
# A resolver that is away for long gets a question for each name every half minute, and not every second from every worker.
FIRST_RETRY, LAST_RETRY = 1.0, 30.0

LookUp = Callable[[str], Found]


class Names:
    """`follow` after each transaction."""

    def __init__(self, registry: Registry, look_up: LookUp = look_up) -> None:
        self._registry = registry
        self._look_up = look_up
        self._users: dict[str, dict[BackendKey, int]] = {}  # by host: the backends of that name, with their ports
        self._known: dict[str, tuple[str, ...]] = {}
        self._greenlets: dict[str, Any] = {}

    def follow(self, state: ConfigState) -> None:
        """Look up the names of this configuration, and no others."""
        self._users = users_of(state.backends.values())
        for host in self._greenlets.keys() - self._users.keys():
            # Not waited for: this runs while a transaction is followed.
            self._greenlets.pop(host).kill(block=False)
            self._known.pop(host, None)
        for host in self._users:
            if host in self._known:
                # A backend that joins a name which is known already, with another port or in another cluster, need not wait for the next lookup.
                self._place(host, self._known[host])
            if host not in self._greenlets:
                self._greenlets[host] = gevent.spawn(self._look_up_on, host)

    def stop(self) -> None:
        """Look up nothing more."""
        while self._greenlets:
            self._greenlets.popitem()[1].kill(block=False)

    def _look_up_on(self, host: str) -> None:
        pause = FIRST_RETRY
        while True:
            try:
                found = self._look_up(host)
            except NoAddress as none:
                log.warning("event=name_not_found host=%s reason=%r retry_in=%g", host, str(none), pause)
                gevent.sleep(pause)
                pause = min(pause * 2, LAST_RETRY)
            else:
                self._learn(host, found.addresses)
                gevent.sleep(min(max(found.ttl, SHORTEST), LONGEST))
                # Only here, after an answer: one failure after another doubles the pause.
                pause = FIRST_RETRY

    def _learn(self, host: str, addresses: tuple[str, ...]) -> None:
        if self._known.get(host) != addresses:
            log.info("event=name_found host=%s addresses=%s", host, ",".join(addresses))
            self._known[host] = addresses
        # Also where DNS says what it said before: the registry knows by itself whether a backend moves, and keeps its connections if not.
        self._place(host, addresses)

    def _place(self, host: str, addresses: Iterable[str]) -> None:
        for key, port in self._users.get(host, {}).items():
            places = [parse_address(f"[{each}]:{port}" if ":" in each else f"{each}:{port}") for each in addresses]
            self._registry.place(key, tuple((place.family, place.sockaddr) for place in places))


def users_of(backends: Iterable[Backend]) -> dict[str, dict[BackendKey, int]]:
    """By host, the backends that are given by that name, with their ports."""
    users: dict[str, dict[BackendKey, int]] = {}
    for backend in backends:
        if (named := named_address(backend.address)) is not None:
            users.setdefault(named[0], {})[backend.key] = named[1]
    return users
