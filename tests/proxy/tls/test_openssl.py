import ctypes
import ssl
import sys
from typing import Any

import pytest

from sozu.proxy.tls import openssl
from sozu.proxy.tls.openssl import TICKET_KEYS_SIZE, Library, Unsupported, probe


@pytest.fixture
def library() -> Library:
    found = probe()
    assert found is not None, "this interpreter is one that we know"
    return found


def test_the_size_of_ticket_keys_is_known(library: Library) -> None:
    assert library.ticket_keys_size(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) == TICKET_KEYS_SIZE


def test_keys_of_another_size_are_refused(library: Library) -> None:
    with pytest.raises(Unsupported, match="ticket keys"):
        library.resume_by_tickets(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), bytes(TICKET_KEYS_SIZE - 1))


def test_unknown_groups_are_refused(library: Library) -> None:
    with pytest.raises(Unsupported, match="groups P-255"):
        library.set_groups(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "P-255")


def test_unknown_ciphers_are_refused(library: Library) -> None:
    with pytest.raises(Unsupported, match="ciphers TLS_NULL"):
        library.set_suites(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "TLS_NULL")


def test_an_unknown_interpreter_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99))
    assert probe() is None


def test_another_library_than_pythons_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "OPENSSL_VERSION_NUMBER", 0x10100000)
    assert probe() is None


def test_a_library_without_the_functions_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> Any:
        raise OSError("no such file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert probe() is None


def test_a_pointer_that_leads_nowhere_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (0, 8, id(probe) | 0x7F00_0000_0000_0000):
        monkeypatch.setattr(openssl, "_pointer", lambda _, there=address: there)
        assert probe() is None
