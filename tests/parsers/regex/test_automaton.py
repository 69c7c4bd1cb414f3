import re
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.regex import BadRegex, compile_regex
from sozu.parsers.regex.automaton import LONGEST, MOST_POSITIONS, MOST_STATES

LETTERS = "aAb/.-"
atoms = st.sampled_from(["a", "b", "A", "/", r"\.", ".", "[ab]", "[^a]", "[a-z-]", "[-A]", r"[\w/]", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\x61"])
quantifiers = st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,}", "{0,2}", "{0}", "{1,3}?"])


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    groups = st.builds("({}{}){}".format, st.sampled_from(["", "?:", "?P<name>"]), inner, quantifiers)
    return st.one_of(st.builds("{}{}".format, inner, inner), st.builds("{}|{}".format, inner, inner), groups)


expressions = st.recursive(st.builds("{}{}".format, atoms, quantifiers) | st.just(""), compound, max_leaves=6)
texts = st.text(LETTERS, max_size=6).map(str.encode)


def reference(pattern: str) -> "re.Pattern[bytes]":
    named = re.sub(r"\?P<name>", "?:", pattern)  # the same name twice is an error there
    return re.compile(named.encode(), re.DOTALL)


@given(expressions, st.lists(texts, min_size=1, max_size=8), st.sampled_from(["", "(?i)"]))
def test_an_expression_matches_what_it_matches_in_pythons_own_engine(
    pattern: str, written: list[bytes], case: str
) -> None:
    pattern = case + pattern
    expression, expected = compile_regex(pattern), reference(pattern)

    for text in written:
        assert expression.matches(text) == bool(expected.fullmatch(text))


@pytest.mark.parametrize(
    ("pattern", "text", "matched"),
    [
        ("", b"", 1),
        ("", b"a", 0),
        (r"/blog/\d+", b"/blog/12", 1),
        (r"/blog/\d+", b"/blog/12/", 0),
        (r"/blog/\d+", b"x/blog/12", 0),
        (r"^/blog/\d+$", b"/blog/12", 1),
        (r".*\.(?:png|jpe?g)", b"/a/b.jpeg", 1),
        (r".*\.(?:png|jpe?g)", b"/a/b.jpg/", 0),
        (r"(?<year>\d{4})-(\d\d?)", b"2026-11", 1),
    ],
)
def test_an_expression_matches_the_whole_text(pattern: str, text: bytes, matched: int) -> None:
    assert compile_regex(pattern).matches(text) == bool(matched)


def test_letters_match_in_either_case_if_asked_to() -> None:
    assert compile_regex("a[b-c]Z-", fold=True).matches(b"ACz-")
    assert not compile_regex("a[b-c]Z-", fold=True).matches(b"ACz\x0d")
    assert not compile_regex("a[b-c]Z").matches(b"ACz")
    assert not compile_regex("[^a]", fold=True).matches(b"A")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("x" * (LONGEST + 1), f"at most {LONGEST} characters, this one {LONGEST + 1}"),
        ("bücher", '"ü" is not ASCII'),
        (f"a{{{MOST_POSITIONS + 1}}}", "too long"),
        ("x" * (MOST_POSITIONS + 1), "too long"),
        ("(((){999}){999}){999}", "too long"),
        ("(a|b)*a(a|b){12}", "too ambiguous"),
        ("/a(", "character 4: expected '(', ')'"),
    ],
)
def test_what_is_no_expression_says_why(pattern: str, why: str) -> None:
    with pytest.raises(BadRegex) as refused:
        compile_regex(pattern)

    assert why in str(refused.value)


def test_a_plain_text_is_not_ambiguous_however_long() -> None:
    for pattern in ("x" * MOST_POSITIONS, f"x{{{MOST_POSITIONS}}}"):
        assert compile_regex(pattern).matches(b"x" * MOST_POSITIONS)


def test_the_largest_expression_is_made_and_refused_quickly() -> None:
    begin = perf_counter()
    compile_regex(".*a.{7}")
    for pattern in ("(a?){499}", ".*a.{400}", ".*".join("abcdefgh") * 10):
        with pytest.raises(BadRegex):
            compile_regex(f"({pattern}){{9}}")

    assert MOST_STATES == 502
    assert perf_counter() - begin < 2


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(.*)(.*)(.*)(.*)b", "(a?){40}a{40}", "(x+x+)+y|.*/.*/.*/.*z"])
def test_time_is_linear_where_a_backtracking_engine_explodes(pattern: str) -> None:
    expression = compile_regex(pattern)

    def seconds(size: int) -> float:
        text = b"a" * size
        times = []
        for _ in range(5):
            begin = perf_counter()
            expression.matches(text)
            times.append(perf_counter() - begin)
        return min(times)

    # Sixteen times as much; squared it would be 256 times. Other programs run beside this one.
    assert seconds(256_000) < 100 * seconds(16_000)


def test_an_expression_knows_what_it_may_begin_with() -> None:
    assert compile_regex(".*").may_begin(b"/")
    assert compile_regex("/").may_begin(b"/")
    assert compile_regex("/a").may_begin(b"/")
    assert not compile_regex("a").may_begin(b"/")
    assert not compile_regex("/a").may_begin(b"//")


def test_an_expression_that_nothing_can_fulfil_begins_with_nothing() -> None:
    for pattern in (r"/[^\d\D]", r"/a[^\d\D]", r"/(a[^\d\D])+", r"/.*[^\w\W]"):
        assert not compile_regex(pattern).may_begin(b"/")
    assert compile_regex(r"/a|/b[^\d\D]").may_begin(b"/")
    assert not compile_regex(r"/a|/b[^\d\D]").may_begin(b"/b")
