from sozu.command.nearest import CANDIDATES, did_you_mean, nearest


def test_a_typing_error_finds_its_name() -> None:
    assert nearest("bakend", ["frontend", "backend", "cluster"]) == "backend"


def test_case_does_not_hide_a_name() -> None:
    assert nearest("BLOG", ["blog"]) == "blog"


def test_nothing_close_is_none_and_ends_no_sentence() -> None:
    assert nearest("zebra", ["cluster"]) is None
    assert did_you_mean("zebra", ["cluster"]) == ""


def test_a_close_name_ends_the_sentence() -> None:
    assert did_you_mean("blg", ["blog"]) == '; did you mean "blog"?'


def test_only_so_many_names_are_compared() -> None:
    names = [f"x{n:04}" for n in range(CANDIDATES)]

    assert nearest("blog1", [*names, "blog2"]) is None
