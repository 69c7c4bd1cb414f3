"""Limits that a cluster may have of its own and that orders may set for all: what is a sensible value. Pure."""

from typing import Protocol

from sozu.command.facts import Timeouts
from sozu.command.rules.objections import Objection

# Bounds are wide on purpose: they stop what must be a mistake (milliseconds for seconds, bytes for megabytes), and have no opinion on the rest.
LONGEST_TIMEOUT = 86_400.0  # a day; beyond it, a unit was mistaken
# Above all that a Content-Length of 18 digits can say: whoever wants no limit may write one that no request reaches.
LONGEST_BODY = 1 << 60  # bytes; more than anybody has
FASTEST = 1_000_000_000  # bytes a second
MOST_CONNECTIONS = 1_000_000
MOST_WORKERS = 1024
LEAST_MEMORY = 100_000_000  # bytes of a worker; half of it is the program itself


# Orders for a cluster and the settings that hold for all have the same limits: one check for both, so that they cannot part.
class Limited(Protocol):
    """What has limits; None is as further out."""

    @property
    def timeouts(self) -> Timeouts | None:
        """In seconds."""

    @property
    def max_body_size(self) -> int | None:
        """In bytes."""

    @property
    def min_rate(self) -> int | None:
        """In bytes a second."""


def check_limits(limited: Limited) -> None:
    """Raise Objection if one of them makes no sense."""
    if limited.timeouts is not None:
        _check_timeouts(limited.timeouts)
    if limited.max_body_size is not None and not 1 <= limited.max_body_size <= LONGEST_BODY:
        raise Objection(f"max_body_size: 1 to {LONGEST_BODY} bytes", "max_body_size")
    if limited.min_rate is not None and not 0 <= limited.min_rate <= FASTEST:
        raise Objection(f"min_rate: 0 to {FASTEST} bytes a second", "min_rate")


def _check_timeouts(timeouts: Timeouts) -> None:
    for name in Timeouts.__struct_fields__:
        # None of them may be 0: "no time at all" and "no limit" would both be read into it. Written so that NaN, which compares with nothing, is
        # refused too.
        if not 0 < getattr(timeouts, name) <= LONGEST_TIMEOUT:
            raise Objection(f"timeouts.{name}: more than 0 and at most {LONGEST_TIMEOUT:.0f} seconds", "timeouts")
