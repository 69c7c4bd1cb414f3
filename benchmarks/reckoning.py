"""Which requests were lost, and which were in the hands of a process that something has killed? The soak's accounts; no socket, no clock.

Lenience would hide what the soak is to find, so the rules are narrow. A failed request is excused only by one blow, a blow excuses each client once, and it has to fit in time:
who made a connection of his own must have begun before the worker was struck (later ones are others' to answer), who keeps his before the struck worker was gone; and both must
have heard of their failure when that one went, not later.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from math import inf

NOTICE = 1.0  # seconds that a client may take to notice that a process has gone

_numbers = count(1)


@dataclass(slots=True, eq=False)
class Blow:
    """A worker that was killed at `struck` and was no more at `gone`. One that was stopped goes when the master kills it."""

    pid: int
    struck: float
    gone: float = inf
    number: int = field(default_factory=lambda: next(_numbers))


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without its answer. `opened` is when the kept connection was made, `answered` when it last brought an answer; None where there is no such thing."""

    begun: float
    failed: float
    why: str
    opened: float | None = None
    answered: float | None = None
    ended: bool = False  # the connection ended; what else may be wrong, such as a status, no kill excuses
    halfway: bool = False  # an answer had begun


def account(failure: Failure, blows: Iterable[Blow], excused: set[int]) -> str:
    """What to call it: "lost: …" unless a blow excuses it, whose number joins `excused`, or the connection had ended between two requests."""
    for blow in blows:
        if blow.number not in excused and failure.ended and _explains(blow, failure):
            excused.add(blow.number)
            return "idle on what was killed" if failure.begun > blow.gone else "in flight on what was killed"
    if failure.ended and failure.answered is not None and not failure.halfway:
        return "idle close"
    return f"lost: {failure.why}"


def _explains(blow: Blow, failure: Failure) -> bool:
    if not blow.struck <= failure.failed:
        return False
    if failure.opened is None:
        return failure.begun <= blow.struck and failure.failed <= blow.gone + NOTICE
    was_there = failure.opened <= blow.struck and (failure.answered or 0.0) <= blow.struck + NOTICE
    # One that was idle when its worker went is found dead by the next request, whenever that comes.
    return was_there and (failure.begun > blow.gone or failure.failed <= blow.gone + NOTICE)
