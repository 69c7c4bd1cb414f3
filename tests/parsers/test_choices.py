from itertools import product

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.choices import decimal, one_word
from sozu.parsers.fuse import fuse
from sozu.parsers.result import Complete, Done, run
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses


@pytest.mark.parametrize("most", [1, 8, 9, 10, 99, 100, 255, 360, 909, 1000])
def test_a_decimal_takes_each_number_up_to_its_bound_and_no_other(most: int) -> None:
    parser = fuse(decimal(most))

    for number in {*range(120), *range(max(0, most - 12), most + 12), *range(10 * most, 10 * most + 5)}:
        assert (whole(parser, b"%d" % number) == number) is (number <= most)


def test_a_decimal_has_no_leading_zero_and_no_sign() -> None:
    port = fuse(decimal(65535))

    reads(port, b"65535", 65535, after=b" ")
    reads(port, b"0", 0, after=b"0")
    reads(port, b"0", 0, after=b"x")
    refuses(port, b"+1", 0)
    refuses(port, b" 1", 0)


@pytest.mark.parametrize("word", [b"Sat", b"Sun", b"Sunday", b"Mon", b"M"])
def test_a_word_is_read_to_its_longest(word: bytes) -> None:
    reads(fuse(one_word([b"Sat", b"Sun", b"Sunday", b"Mon", b"M"])), word, word, after=b"!")


def test_a_word_that_is_not_in_the_list_is_wrong_at_its_first_byte_that_differs() -> None:
    parser = fuse(one_word([b"Sat", b"Sun"]))

    refuses(parser, b"Sum", 2)
    refuses(parser, b"x", 0)


@given(
    st.sets(
        st.sampled_from([bytes(letters) for size in (1, 2, 3) for letters in product(b"ab", repeat=size)]), min_size=1
    )
)
def test_any_words_fuse_and_the_longest_is_found(words: set[bytes]) -> None:
    parser = fuse(one_word(words))

    for word in words:
        outcome = run(parser, Complete(word))
        assert outcome == Done(word, word, len(word))
