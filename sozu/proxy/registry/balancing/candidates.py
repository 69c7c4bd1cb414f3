"""What a balancer must know of a backend. Pure."""

from typing import Protocol, TypeVar


class Candidate(Protocol):
    """`credit` is the balancer's own notebook; `seed` is a number of 64 bits that tells it from the others, the same in every worker."""

    exchanges: int
    weight: float
    credit: float

    @property
    def seed(self) -> int:
        """See above."""


B = TypeVar("B", bound=Candidate)


def load(candidate: Candidate) -> float:
    """Its live exchanges, as its weight counts them."""
    # By weight, so that a backend of weight 100 with two exchanges is as busy as one of 50 with one. Nobody of
    # weight 0 comes here: `serves` keeps him out of the tiers, and a slow start begins at 5 % and not at nothing.
    return candidate.exchanges / candidate.weight
