"""What the workers say of one backend, as one state."""

import pytest

from sozu.master.loads import Load, state_of


@pytest.mark.parametrize(
    ("counts", "state"),
    [({}, "up"), ({"resting": 1}, "resting"), ({"resting": 1, "down": 1}, "down"), ({"pending": 2, "down": 1}, "pending"), ({"exchanges": 5, "idle": 1}, "up")],
)
def test_it_is_the_worst_that_any_of_them_sees(counts: Load, state: str) -> None:
    assert state_of({"exchanges": 0, "tunnels": 0, "idle": 0, "pending": 0, "down": 0, "resting": 0} | counts) == state
