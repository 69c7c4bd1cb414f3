"""What hypothesis makes up for every kind, out of cases and pieces of them: it looks for other things than damage does, and shrinks what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
import pytest

from fuzz.properties import check
from fuzz.test_inputs import PIECES, SEEDS
from sozu.parsers.kinds import KINDS

if TYPE_CHECKING:
    from fuzz.conftest import Rounds

EXAMPLES = 20  # a round
# Rounds have their seeds, so nothing is kept between runs; a busy machine is no fault of an example.
ROUND = settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))


def inputs(kind: str) -> st.SearchStrategy[bytes]:
    """A beginning of a case, and what may come instead of the rest."""
    cases = st.sampled_from(SEEDS[kind])
    beginnings = st.builds(lambda data, size: data[:size], cases, st.integers(0, 100))
    pieces = st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), cases)
    return st.builds(lambda begin, rest: begin + b"".join(rest), beginnings, st.lists(pieces, max_size=4))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_property_holds_for_composed_inputs(kind: str, rounds: Rounds) -> None:
    def holds(data: bytes) -> None:
        check(kind, data)

    for number in rounds():
        seed(number)(ROUND(given(inputs(kind))(holds)))()
