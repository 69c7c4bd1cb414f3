from hypothesis import given
from hypothesis import strategies as st

from sozu.command.certificates.sealing import PERIOD, SIZE, TicketSecret

MORNING = 40_000 * PERIOD


def aged(*moments: float) -> TicketSecret:
    secret = TicketSecret(b"secret", MORNING // PERIOD)
    for moment in moments:
        secret.age(moment)
    return secret


def test_a_new_secret_is_like_no_other() -> None:
    one, other = TicketSecret.new(), TicketSecret.new()
    assert len(one.value) == len(other.value) == SIZE
    assert one.value != other.value


def test_within_its_period_it_stays_what_it_is() -> None:
    secret = aged(MORNING)
    assert not secret.age(MORNING + PERIOD - 1)
    assert (secret.value, secret.period) == (b"secret", 40_000)


def test_in_the_next_one_it_is_another() -> None:
    secret = aged(MORNING)
    assert secret.age(MORNING + PERIOD)
    assert secret.value != b"secret"
    assert len(secret.value) == SIZE
    assert secret.period == 40_001


@given(st.lists(st.integers(0, 20 * PERIOD)), st.lists(st.integers(0, 20 * PERIOD)), st.integers(20, 30))
def test_whoever_looks_at_it_how_often_all_have_the_same_in_the_end(some: list[int], others: list[int], last: int) -> None:
    one, other = (aged(*(MORNING + each for each in looks), MORNING + last * PERIOD) for looks in (some, others))
    assert (one.value, one.period) == (other.value, other.period)


def test_a_clock_that_goes_back_changes_nothing() -> None:
    later = aged(MORNING + 3 * PERIOD)
    known = later.value
    assert not later.age(MORNING)
    assert (later.value, later.period) == (known, 40_003)


def test_one_whose_period_nobody_has_told_is_of_the_first_in_which_it_is_looked_at() -> None:
    secret = TicketSecret(b"secret")
    assert not secret.age(MORNING)
    assert (secret.value, secret.period) == (b"secret", 40_000)
    assert secret.age(MORNING + PERIOD)


def test_an_empty_one_stays_empty() -> None:
    secret = TicketSecret(b"", 1)
    assert not secret.age(MORNING)
    assert secret.value == b""
