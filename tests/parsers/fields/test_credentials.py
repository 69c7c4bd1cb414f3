from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.fields.credentials import BASIC, Credentials, basic, write_basic
from sozu.parsers.result import Error, Incomplete, run
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses

ALADDIN = Credentials(b"Aladdin", b"open sesame")


@pytest.mark.parametrize("scheme", [b"Basic ", b"basic ", b"BASIC  "])
def test_user_and_password_are_read(scheme: bytes) -> None:
    reads(basic, scheme + b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ALADDIN, after=b"\r\n")


def test_a_password_may_hold_colons_and_be_empty() -> None:
    assert whole(basic, b"Basic YTpiOmM=") == Credentials(b"a", b"b:c")
    assert whole(basic, b"Basic Og==") == Credentials(b"", b"")


def test_the_grammar_reads_the_same_fused_and_step_by_step() -> None:
    reads(BASIC, b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ALADDIN, after=b" ")
    refuses(BASIC, b"Bearer x", 1)
    refuses(BASIC, b"Basic\t", 5)
    refuses(BASIC, b"Basic =", 6)


@pytest.mark.parametrize(
    "token", [b"YWI=", b"Y", b"YTpi=", b"YTo\xe9", b"YTpi YTpi", b"YTpi====", b"YQo6Yg==", b"YTp/"]
)
def test_what_is_no_user_and_password_is_an_error(token: bytes) -> None:
    assert isinstance(whole(basic, b"Basic " + token), Error)


@pytest.mark.parametrize(
    ("token", "position"),
    [
        (b"YTpi=", 4),  # four digits need no "="
        (b"YTpi====", 4),
        (b"YTo==", 4),
        (b"Og===", 4),
        (b"Y=", 1),
        (b"YWI=", 3),  # no colon, and with "=" the text is over
        (b"YQ==", 1),  # four bits of zeros, without a colon before them
        (b"Oh==", 1),  # bits that are none
        (b"YTp=", 3),
        (b"YTpiYQo6", 6),  # LF
        (b"OgT", 2),  # only "==" could have followed
        (b"YTp/", 3),  # DEL
        (b"B", 0),
    ],
)
def test_a_token_is_an_error_at_the_byte_that_ends_all_hope(token: bytes, position: int) -> None:
    refuses(basic, b"Basic " + token, len(b"Basic ") + position)


@pytest.mark.parametrize(("token", "position"), [(b"YTpiO", 5), (b"YTo", 3), (b"Og=", 3), (b"YWJj", 4), (b"", 0)])
def test_a_token_that_ends_too_early_is_an_error_at_its_end(token: bytes, position: int) -> None:
    found = whole(basic, b"Basic " + token)

    assert isinstance(found, Error)
    assert found.position == len(b"Basic ") + position
    assert isinstance(run(basic, b"Basic " + token), Incomplete)


def test_what_may_still_become_a_byte_above_the_controls_is_no_error() -> None:
    assert isinstance(run(basic, b"Basic YTpiI"), Incomplete)


def test_the_password_is_not_shown() -> None:
    assert repr(ALADDIN) == "Credentials(user=b'Aladdin', password=…)"


PLAIN = st.binary(max_size=20).map(lambda text: bytes(byte for byte in text if byte >= 0x20 and byte != 0x7F))


@given(PLAIN.map(lambda user: user.replace(b":", b"")), PLAIN)
def test_what_is_written_is_read_back(user: bytes, password: bytes) -> None:
    assert whole(basic, write_basic(Credentials(user, password))) == Credentials(user, password)
