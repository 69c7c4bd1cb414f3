from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.fields.credentials import BASIC, Credentials, basic, write_basic
from sozu.parsers.result import Error
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


def test_the_password_is_not_shown() -> None:
    assert repr(ALADDIN) == "Credentials(user=b'Aladdin', password=…)"


PLAIN = st.binary(max_size=20).map(lambda text: bytes(byte for byte in text if byte >= 0x20 and byte != 0x7F))


@given(PLAIN.map(lambda user: user.replace(b":", b"")), PLAIN)
def test_what_is_written_is_read_back(user: bytes, password: bytes) -> None:
    assert whole(basic, write_basic(Credentials(user, password))) == Credentials(user, password)
