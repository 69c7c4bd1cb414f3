import pytest

from sozu.command.terms import Health
from sozu.proxy.health.verdicts import Verdict

HEALTH = Health(rise=2, fall=3)


@pytest.mark.parametrize(
    ("answers", "verdicts"),
    [
        ("---", "++-"),
        ("--+--", "+++++"),
        ("--+---", "+++++-"),
        ("---++", "++--+"),
        ("---+-+", "++----"),
        ("---+-++", "++----+"),
        ("+++", "+++"),
    ],
)
def test_so_many_answers_in_a_row_change_the_verdict(answers: str, verdicts: str) -> None:
    verdict, found, changes = Verdict(), "", 0
    for answer in answers:
        changes += verdict.hear(answer == "+", HEALTH)
        found += "+" if verdict.up else "-"
    assert found == verdicts
    assert changes == sum(one != other for one, other in zip("+" + verdicts, verdicts, strict=False))


def test_what_was_down_is_down_until_it_has_risen() -> None:
    verdict = Verdict(up=False)
    assert [verdict.hear(True, HEALTH), verdict.hear(True, HEALTH)] == [False, True]
