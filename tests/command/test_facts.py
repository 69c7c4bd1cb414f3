from typing import Any

import pytest

from sozu.command.facts import Certificate, Frontend, Match, Position


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ({}, ("", "a.b", "prefix", "/")),
        ({"path": "/"}, ("", "a.b", "prefix", "/")),
        ({"path_exact": "/x", "listener": "127.0.0.1:80"}, ("127.0.0.1:80", "a.b", "exact", "/x")),
        ({"path_regex": "/x+"}, ("", "a.b", "regex", "/x+")),
    ],
)
def test_frontends_that_would_match_the_same_requests_have_one_key(rule: dict[str, Any], key: tuple[str, ...]) -> None:
    assert Frontend(cluster="a", hostname="a.b", **rule).key == (*key, "tree", "")


def test_a_certificate_never_shows_its_private_key() -> None:
    certificate = Certificate(fingerprint="0123456789abcdef" * 4, certificate="CERT", private_key="SECRET")

    assert certificate.key == "0123456789abcdef" * 4
    assert repr(certificate) == "Certificate(0123456789abcdef…)"


def test_what_tells_two_frontends_apart_is_in_their_keys() -> None:
    plain = Frontend(cluster="a", hostname="a.b")
    others = [
        Frontend(cluster="a", hostname_regex="a.b"),
        Frontend(cluster="a", hostname="a.b", position=Position.PRE),
        Frontend(cluster="a", hostname="a.b", methods=("GET",)),
        Frontend(cluster="a", hostname="a.b", headers=(Match(name="x"),)),
        Frontend(cluster="a", hostname="a.b", query=(Match(name="x"),)),
        Frontend(cluster="a", hostname="a.b", cookies=(Match(name="x"),)),
        Frontend(cluster="a", hostname="a.b", cookies=(Match(name="x", present=False),)),
    ]

    assert len({fact.key for fact in (plain, *others)}) == len(others) + 1
