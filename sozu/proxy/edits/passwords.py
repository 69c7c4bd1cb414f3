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
            self._pool = ThreadPool(1)
        self._waiting += 1
        try:
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
        fits = (known or self._someone).fits(password)
        return fits and known is not None

    def knows(self, authorization: bytes) -> bool:
        """Was this very field right before?"""
        return _seal(authorization) in self._right

    def remember(self, authorization: bytes) -> None:
        """It was right."""
        if len(self._right) >= REMEMBERED:
            self._right.clear()
        self._right.add(_seal(authorization))


def _seal(authorization: bytes) -> bytes:
    return hashlib.blake2b(authorization, key=_KEY, digest_size=16).digest()
