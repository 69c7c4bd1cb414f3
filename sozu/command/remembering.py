"""What a process remembers only to be quicker, and how it forgets it: when a large configuration has gone, so that the memory that it was in is free as a whole.

Python gives memory back in pieces of 256 KB or 1 MB, and only empty ones: a thousand strings, made while 10,000 clusters came, each in a piece with what has gone
since, hold 30 MB. Both wings keep what they remember here.
"""

from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
import sys
from typing import Any, TypeVar

T = TypeVar("T")

# Registered by a decorator, so that a cache that is added later is forgotten with the others without anybody thinking of it.
_CACHES: list["_lru_cache_wrapper[Any]"] = []


def remembered(most: int) -> Callable[[Callable[..., T]], "_lru_cache_wrapper[T]"]:
    """So many answers of a function are kept: those of a module, which live as long as the process."""

    def keep(function: Callable[..., T]) -> "_lru_cache_wrapper[T]":
        kept = lru_cache(most)(function)
        _CACHES.append(kept)
        return kept

    return keep


def forget() -> None:
    """Forget all of that; nothing but time is lost, and of that some microseconds for each answer that is asked for again."""
    # All of them, whatever each has to do with what has gone: one answer that stays holds its piece of memory as well as a
    # thousand.
    for kept in _CACHES:
        kept.cache_clear()
    # Python remembers where types have their attributes, by name and by where in memory the name is; gevent's loop asks for "stop" with a name of its own each time.
    getattr(sys, "_clear_type_cache", int)()
