from sozu.cli.listing import aligned
from sozu.cli.looking.status import lasting


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [{"name": "a", "size": 1}, {"name": "longer", "size": 20}]

    assert aligned(rows, ("name", "size")) == ["name    size", "a       1", "longer  20"]


def test_what_is_not_set_is_a_dash_and_truth_is_a_word() -> None:
    assert aligned([{"a": None, "b": "", "c": False}], ("a", "b", "c", "d"))[1].split() == ["-", "-", "no", "-"]


def test_a_mapping_is_told_as_the_command_line_takes_it() -> None:
    assert aligned([{"a": {"back": 5, "front": 60}, "b": {}}], ("a", "b"))[1].split() == ["back=5", "front=60", "-"]


def test_a_row_ends_without_spaces() -> None:
    assert all(line == line.rstrip() for line in aligned([{"a": "x", "b": "y"}, {"a": "x", "b": "long"}], ("a", "b")))


def test_a_duration_is_told_in_its_largest_whole_unit() -> None:
    assert [lasting(seconds) for seconds in (0.4, 59, 60, 7199, 7200, 86400 * 3)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h",
        "2 h",
        "3 d",
    ]
