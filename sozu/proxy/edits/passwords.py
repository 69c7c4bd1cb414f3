"""Passwords are checked in a thread of their own, since a good hash takes 80 ms on purpose; who was right once is let in at once.

Only what was right is remembered, under a keyed hash that dies with the process: a flood of wrong passwords must not drive the right ones out. One is
checked at a time and so many may wait, else guessing would be a way to keep all cores busy.
"""

import hashlib
import os
from typing import Final

from gevent.threadpool import ThreadPool

from sozu.command.edits.facts import BasicAuth
from sozu.command.edits.passwords import read_hash
from sozu.proxy.edits.rates import Rates

REMEMBERED: Final = 1024
# At 80 ms each the last of them waits for five seconds.
MOST_WAITING: Final = 64

_KEY: Final = os.urandom(32)


class Busy(Exception):
    """Too many passwords wait to be checked."""


class Desk:
    """Where passwords are checked and requests are counted: one for each worker."""

    def __init__(self) -> None:
        self._pool: ThreadPool | None = None
        self._waiting = 0
        self.rates = Rates()

    def check(self, users: "Users", name: bytes, password: bytes) -> bool:
        """Is it this user's password? Lets other greenlets run meanwhile. Raises Busy."""
        if self._waiting >= MOST_WAITING:
            raise Busy
        if self._pool is None:
            # At the first password: a worker that is asked for none has no such thread. hashlib lets go of the interpreter while it derives, so the loop
            # goes on, on another core.
            self._pool = ThreadPool(1)
        self._waiting += 1
        try:
            # gevent's pool of one takes one job, and all others wait for its semaphore in their own greenlets: a client that goes away takes its password
            # along. Were they queued in the thread, clients who come and go would fill it beyond any bound.
            right: bool = self._pool.apply(users.check, (name, password))
        finally:
            self._waiting -= 1
        return right


class Users:
    """The users of one frontend."""

    def __init__(self, auth: BasicAuth) -> None:
        self._hashes = {user.name.encode(): read_hash(user.hash) for user in auth.users}
        self._someone = next(iter(self._hashes.values()))
        self._right: set[bytes] = set()

    def check(self, name: bytes, password: bytes) -> bool:
        """Takes its time, as much for a name that nobody has."""
        known = self._hashes.get(name)
        # A name that nobody has costs the hash of somebody's: a quick no would tell which names there are.
        fits = (known or self._someone).fits(password)
        return fits and known is not None

    def knows(self, authorization: bytes) -> bool:
        """Was this very field right before?"""
        return _seal(authorization) in self._right

    def remember(self, authorization: bytes) -> None:
        """It was right."""
        # All at once: it costs each of them one more check, where an order of use would have to be kept with every request.
        if len(self._right) >= REMEMBERED:
            self._right.clear()
        self._right.add(_seal(authorization))


def _seal(authorization: bytes) -> bytes:
    return hashlib.blake2b(authorization, key=_KEY, digest_size=16).digest()
