import pytest

from sozu.command.certificates.table import CertificateTable
from sozu.command.certificates.terms import Tls
from sozu.command.facts import Certificate, KeyKind
from sozu.parsers.wire.hello_message import ClientHello
from sozu.proxy.tls.choosing import (
    MOST_KNOWN,
    NO_APPLICATION_PROTOCOL,
    UNRECOGNIZED_NAME,
    Alert,
    Choice,
    Chooser,
)

STRICT, LAX = "127.0.0.1:443", "127.0.0.1:8443"
ONE = Certificate(fingerprint="1", certificate="", private_key="", names=("one.example", "*.one.example"))
TWO = Certificate(fingerprint="2", certificate="", private_key="", names=("two.example",))


@pytest.fixture
def chooser() -> Chooser:
    return Chooser(CertificateTable.of([ONE, TWO]), {LAX: Tls(strict=False)})


def hello(name: str | None, *alpn: bytes) -> ClientHello:
    return ClientHello(server_name=name, alpn=alpn, versions=(0x0304,), cipher_suites=(), extensions=())


def test_a_name_gets_its_certificate_in_any_case_and_again(chooser: Chooser) -> None:
    for _ in range(2):
        for name in ("two.example", "TWO.example"):
            assert chooser.choose(hello(name), STRICT) == Choice((TWO,), Tls(), "two.example", ("two.example",))
        for other in (None, "nobody.test", "192.0.2.1"):
            assert chooser.choose(hello(other), STRICT) == Choice((ONE,), Tls(), other, ONE.names)


def test_of_two_certificates_only_what_both_cover_may_be_asked_for() -> None:
    ecdsa = Certificate(fingerprint="3", certificate="", private_key="", kind=KeyKind.ECDSA, names=("a.test", "*.a.test", "b.test", "*.c.test"))
    rsa = Certificate(fingerprint="4", certificate="", private_key="", kind=KeyKind.RSA, names=("a.test", "www.a.test", "*.c.test", "d.test"))
    chosen = Chooser(CertificateTable.of([ecdsa, rsa]), {}).choose(hello("a.test"), STRICT)
    assert isinstance(chosen, Choice)
    assert chosen.certificates == (ecdsa, rsa)
    assert chosen.names == ("a.test", "*.c.test", "www.a.test")


def test_terms_are_those_of_the_listener(chooser: Chooser) -> None:
    chosen = chooser.choose(hello("two.example"), LAX)
    assert chosen == Choice((TWO,), Tls(strict=False), "two.example", None)


def test_who_speaks_other_protocols_is_alerted_though_others_with_the_name_are_not(chooser: Chooser) -> None:
    assert isinstance(chooser.choose(hello("two.example", b"http/1.1", b"h2"), STRICT), Choice)
    refused = chooser.choose(hello("two.example", b"h2"), STRICT)
    assert isinstance(refused, Alert)
    assert refused.record == bytes((21, 3, 3, 0, 2, 2, NO_APPLICATION_PROTOCOL))


def test_without_any_certificate_no_name_is_known() -> None:
    refused = Chooser(CertificateTable(), {}).choose(hello("one.example"), STRICT)
    assert isinstance(refused, Alert)
    assert refused.number == UNRECOGNIZED_NAME


def test_names_without_end_are_not_all_remembered(chooser: Chooser) -> None:
    for number in range(MOST_KNOWN + 1):
        chosen = chooser.choose(hello(f"x{number}.one.example"), STRICT)
        assert isinstance(chosen, Choice)
        assert chosen.certificates == (ONE,)
