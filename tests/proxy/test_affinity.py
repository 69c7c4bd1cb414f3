import pytest

from sozu.command.facts import Cluster, LoadBalancing
from sozu.proxy.registry.terms.affinity import cookie_value, key_for, without_cookie

FIELDS = b"Host: a\r\nX-User: ann\r\nCookie: a=1; sid=s3cret;theme=\"dark\"\r\nx-user: bob\r\n"
CLIENT = b"192.0.2.1:4711"


def key(hash_on: str, fields: bytes = FIELDS) -> bytes:
    found = key_for(Cluster(cluster="c", load_balancing=LoadBalancing.HRW, hash_on=hash_on))
    assert found is not None
    return found(lambda: fields, CLIENT)


@pytest.mark.parametrize(
    ("hash_on", "found"),
    [
        ("source", b"192.0.2.1"),
        ("header:x-user", b"ann"),
        ("header:x-other", b"192.0.2.1"),
        ("cookie:sid", b"s3cret"),
        ("cookie:theme", b'"dark"'),
        ("cookie:SID", b"192.0.2.1"),
    ],
)
def test_a_key_is_what_is_asked_for_or_else_the_address(hash_on: str, found: bytes) -> None:
    assert key(hash_on) == found


@pytest.mark.parametrize("kind", [LoadBalancing.ROUND_ROBIN, LoadBalancing.RANDOM, LoadBalancing.LEAST_LOADED, LoadBalancing.POWER_OF_TWO])
def test_who_needs_no_key_asks_for_none(kind: LoadBalancing) -> None:
    assert key_for(Cluster(cluster="c", load_balancing=kind, hash_on="cookie:sid")) is None


def test_a_cookie_is_found_among_those_that_break_the_rules() -> None:
    assert cookie_value(b'Cookie: bad"; =; x;\tsid=1\r\nCookie: sid=2\r\n', b"sid") == b"1"
    assert cookie_value(b"Set-Cookie: sid=1\r\n", b"sid") == b""


@pytest.mark.parametrize(
    ("cookies", "left", "said"),
    [
        ("a=1; S=x; b=2", "a=1; b=2", "x"),
        ("S=x", None, "x"),
        ("S=; a=1", "a=1", ""),
        ("S=x; a=1; S=y", "a=1", "x"),
        ("S2=x; a=S", "S2=x; a=S", ""),
    ],
)
def test_a_cookie_is_taken_out_whatever_it_says(cookies: str, left: str | None, said: str) -> None:
    told = b"" if left is None else f"Cookie: {left}\r\n".encode()
    assert without_cookie(f"X: S\r\nCookie: {cookies}\r\n".encode(), b"S") == (b"X: S\r\n" + told, said.encode())


def test_all_connections_of_an_ipv6_client_go_the_same_way() -> None:
    found = key_for(Cluster(cluster="c", load_balancing=LoadBalancing.MAGLEV))
    assert found is not None
    assert found(bytes, b"[2001:db8::1]:1") == found(bytes, b"[2001:db8::1]:2")
