from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.heads.plain_path import BACKSLASH, DOT, PERCENT, plain_path, plain_target, upper_escapes
from sozu.parsers.reasons import Reason

PLAIN = [b"/", b"/a", b"/a/", b"/a//b", b"//", b"/a;x=1/b", b"/a%2Fb", b"/a%5Cb", b"/%0d%0aX:y", b"/...", b"/.well-known/x", b"/a..", b"*", b"/%2561"]


@pytest.mark.parametrize("path", PLAIN)
def test_a_plain_path_stays_as_it_is(path: bytes) -> None:
    assert plain_path(path) == path


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        (b"/%61dmin", b"/admin"),
        (b"/%7Euser/%2D%5F%2E%39", b"/~user/-_.9"),
        (b"/a/./b", b"/a/b"),
        (b"/a/../b", b"/b"),
        (b"/a/b/..", b"/a/"),
        (b"/a/b/.", b"/a/b/"),
        (b"/a/%2e%2e/b", b"/b"),
        (b"/a/.%2E/b", b"/b"),
        (b"/../../etc", b"/etc"),
        (b"/..", b"/"),
        (b"/a//../b", b"/a/b"),
        (b"/%c3%bc/%61", b"/%c3%bc/a"),
    ],
)
def test_equivalent_spellings_become_one(written: bytes, plain: bytes) -> None:
    assert plain_path(written) == plain
    assert plain_target(written + b"?a=%61/../b\\%") == plain + b"?a=%61/../b\\%"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (b"/a\\b", Reason.PATH_BACKSLASH),
        (b"/100%", Reason.PATH_ESCAPE),
        (b"/%6", Reason.PATH_ESCAPE),
        (b"/%%61", Reason.PATH_ESCAPE),
        (b"/a%00.php", Reason.PATH_NUL),
        (b"/a/..;/b", Reason.PATH_DOTS),
        (b"/a/.;x=1/b", Reason.PATH_DOTS),
        (b"/a/%2e%2e;/b", Reason.PATH_DOTS),
        (b"/a/..%2fb", Reason.PATH_DOTS),
        (b"/a/..%5Cb", Reason.PATH_DOTS),
        (b"/a%2f../b", Reason.PATH_DOTS),
        (b"/a%2f..", Reason.PATH_DOTS),
        (b"/a%5c%2E%2Fb", Reason.PATH_DOTS),
    ],
)
def test_what_origins_read_in_two_ways_is_refused(path: bytes, reason: Reason) -> None:
    assert plain_path(path) is reason
    assert plain_target(path + b"?q") is reason


def test_a_query_is_not_looked_at() -> None:
    assert plain_target(b"/a?x=\\../%00%") == b"/a?x=\\../%00%"


def test_several_slashes_are_one_where_that_is_wished() -> None:
    assert plain_target(b"//a///b//?x=//", merge_slashes=True) == b"/a/b/?x=//"
    assert plain_path(b"/a//../b", merge_slashes=True) == b"/b"
    assert plain_path(b"//%61", merge_slashes=True) == b"/a"


@pytest.mark.parametrize("path", [b"/a%2Fb", b"/a%2fb", b"/a%5cb"])
def test_escaped_separators_are_refused_where_that_is_wished(path: bytes) -> None:
    assert plain_path(path, encoded_slashes=False) is Reason.PATH_SEPARATOR
    assert plain_path(b"/%61", encoded_slashes=False) == b"/a"


def test_escapes_are_compared_in_upper_case() -> None:
    assert upper_escapes(b"/%c3%Bc/aa%") == b"/%C3%BC/aa%"


paths = st.text("/.%2eEfFcC561;\\a", max_size=14).map(lambda text: b"/" + text.encode())


@given(paths)
def test_a_plain_path_is_plain(path: bytes) -> None:
    plain = plain_path(path)

    if isinstance(plain, bytes):
        assert plain_path(plain) == plain
        assert plain.startswith(b"/")
        assert not {b".", b".."} & set(plain.split(b"/"))
    if PERCENT not in path and BACKSLASH not in path and DOT not in path:
        assert plain == path


@given(paths)
def test_no_origin_climbs_by_what_was_let_through(path: bytes) -> None:
    plain = plain_path(path)

    if isinstance(plain, bytes):
        for separator in (b"%2F", b"%2f", b"%5C", b"%5c"):
            plain = plain.replace(separator, b"/")
        assert not {b".", b".."} & {segment.partition(b";")[0] for segment in plain.split(b"/")}
