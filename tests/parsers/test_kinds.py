import pytest

import sozu.parsers
from sozu.parsers import Complete, Done, Error, Incomplete, eof, run
from sozu.parsers.kinds import KINDS, SAMPLES, WHOLE_VALUES
from sozu.parsers.reasons import Reason
from tests.parsers.three_ways import reads


def test_the_package_has_the_table() -> None:
    assert sozu.parsers.KINDS is KINDS


def test_the_package_has_nothing_else_up_its_sleeve() -> None:
    with pytest.raises(AttributeError):
        sozu.parsers.no_such_thing  # noqa: B018 - to look is enough


def test_every_public_name_is_there() -> None:
    assert all(getattr(sozu.parsers, name) is not None for name in sozu.parsers.__all__)


def test_every_kind_has_a_sample() -> None:
    assert list(SAMPLES) == list(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_read_three_ways(kind: str) -> None:
    outcome = run(KINDS[kind], Complete(SAMPLES[kind]))

    assert isinstance(outcome, Done)
    reads(KINDS[kind], SAMPLES[kind][: outcome.end], outcome.value, after=b"\0")


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_value_that_has_an_end_leaves_what_follows(kind: str) -> None:
    outcome = run(KINDS[kind], SAMPLES[kind] + b"\0")

    if kind in WHOLE_VALUES:
        assert not isinstance(outcome, Incomplete)
    else:
        assert isinstance(outcome, Done)
        assert bytes(outcome.rest).endswith(b"\0")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_grammar_decides_about_nothing(kind: str) -> None:
    assert isinstance(run(KINDS[kind], b""), Incomplete)


def test_a_request_is_read_under_all_rules_of_a_view() -> None:
    parser = KINDS["request"]
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n"

    assert isinstance(run(parser, head), Error)
    assert isinstance(run(parser << eof, SAMPLES["request"]), Incomplete)
    outcome = parser.fused(head)  # type: ignore[attr-defined]
    assert isinstance(outcome, Error)
    assert outcome.reason is Reason.LENGTH_INVALID
