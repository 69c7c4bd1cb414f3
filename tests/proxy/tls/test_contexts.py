import ssl

import pytest
import trustme

from sozu.command.certificates.sealing import PERIOD, TicketSecret
from sozu.command.certificates.terms import ClientCertificates, Tls, TlsVersion
from sozu.proxy.tls.contexts import Contexts, server_context
from sozu.proxy.tls.engine import Engine
from sozu.proxy.tls.openssl import probe
from tests.proxy.tls.ends import AUTHORITY, certificate_for, client_context, engines, pass_on, shake

LIBRARY = probe()
ECDSA, RSA = certificate_for("a.example"), certificate_for("a.example", kind=trustme.KeyType.RSA)
OTHER = certificate_for("b.example")
USUAL = Tls()


def contexts(secret: bytes = b"secret", most: int = 8) -> Contexts:
    return Contexts(LIBRARY, TicketSecret(secret), most)


def resumed(first: ssl.SSLContext, second: ssl.SSLContext, version: ssl.TLSVersion, name: str = "a.example") -> bool:
    """Does a client that had a session by the first context go on with it by the second?"""
    chosen = client_context(version)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = None
    for context in (first, second):
        server = Engine(context)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = chosen.wrap_bio(incoming, outgoing, server_hostname=name, session=session)
        over = False
        while not over:
            try:
                client.do_handshake()
                over = True
            except ssl.SSLWantReadError:
                pass_records(outgoing, server, incoming)
        pass_records(outgoing, server, incoming)
        with pytest.raises(ssl.SSLWantReadError):
            client.read(1)
        session = client.session
    return bool(client.session_reused)


def pass_records(outgoing: ssl.MemoryBIO, server: Engine, incoming: ssl.MemoryBIO) -> None:
    server.feed(outgoing.read())
    server.shake_hands()
    incoming.write(server.records())


def test_a_context_is_made_once_and_the_least_used_goes() -> None:
    kept = contexts(most=2)
    first = kept.of((ECDSA,), USUAL)
    assert kept.of((ECDSA,), USUAL) is first
    kept.of((RSA,), USUAL)
    kept.of((ECDSA,), USUAL)
    kept.of((OTHER,), USUAL)
    assert len(kept) == 2
    assert kept.of((ECDSA,), USUAL) is first


def test_a_certificate_that_goes_takes_its_contexts_along() -> None:
    kept = contexts()
    for certificates in ((ECDSA,), (ECDSA, RSA), (OTHER,)):
        kept.of(certificates, USUAL)
    kept.forget({ECDSA.fingerprint, "of no context"})
    assert len(kept) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_workers_with_one_secret_resume_the_sessions_of_each_other(version: ssl.TLSVersion) -> None:
    assert resumed(contexts().of((ECDSA,), USUAL), contexts().of((ECDSA,), USUAL), version)
    assert not resumed(contexts().of((ECDSA,), USUAL), contexts(b"another").of((ECDSA,), USUAL), version)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_goes_on_with_the_same_certificate_and_terms_only(version: ssl.TLSVersion) -> None:
    kept = contexts()
    one, other = kept.of((ECDSA,), USUAL), kept.of((certificate_for("a.example"),), USUAL)
    assert not resumed(one, other, version)
    assert not resumed(one, kept.of((ECDSA,), Tls(strict=False)), version)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_goes_on_for_as_long_as_the_secret_is_the_same(version: ssl.TLSVersion) -> None:
    today = 40_000 * PERIOD
    here, there = (Contexts(LIBRARY, TicketSecret(b"secret", 40_000)) for _ in range(2))
    one, other, before = here.of((ECDSA,), USUAL), there.of((ECDSA,), USUAL), contexts().of((ECDSA,), USUAL)

    here.age(today + 1)
    assert resumed(before, one, version)

    here.age(today + PERIOD)
    assert not resumed(before, one, version)
    assert resumed(one, one, version)

    there.age(today + PERIOD + 1)
    assert resumed(one, other, version)
    assert resumed(one, there.of((ECDSA, RSA), USUAL), version) is False


@pytest.mark.parametrize("without", [Contexts(None, TicketSecret(b"secret")), Contexts(LIBRARY, TicketSecret(b""))])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_without_library_or_secret_there_are_no_tickets(without: Contexts, version: ssl.TLSVersion) -> None:
    context = without.of((ECDSA,), USUAL)
    client, server = engines(context, version=version)
    pass_on(server, client)
    assert client.decrypt(1) is None
    assert context.num_tickets == 0


def test_ecdsa_is_served_before_rsa_and_rsa_to_who_knows_no_other() -> None:
    context = contexts().of((ECDSA, RSA), USUAL)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client, _ = engines(context, version=version)
        assert client.peer_certificate == ssl.PEM_cert_to_DER_cert(ECDSA.certificate)
    chosen = client_context(ssl.TLSVersion.TLSv1_2)
    chosen.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256")
    client, server = Engine(chosen, server_name="a.example", server=False), Engine(context)
    shake(client, server)
    assert client.peer_certificate == ssl.PEM_cert_to_DER_cert(ECDSA.certificate)
    chosen.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    client, server = Engine(chosen, server_name="a.example", server=False), Engine(context)
    shake(client, server)
    assert client.peer_certificate == ssl.PEM_cert_to_DER_cert(RSA.certificate)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (None, "TLS_AES_128_GCM_SHA256"),  # OpenSSL asks for AES-256 first
    ],
)
def test_the_cheapest_cipher_is_taken_but_chacha_by_who_wants_it_most(wanted: str | None, given: str) -> None:
    chosen = client_context(ssl.TLSVersion.TLSv1_3 if wanted is None else ssl.TLSVersion.TLSv1_2)
    chosen.set_ciphers(wanted or "DEFAULT")
    client, server = Engine(chosen, server_name="a.example", server=False), Engine(contexts().of((ECDSA,), USUAL))
    shake(client, server)
    assert server._tls.cipher()[0] == given


def test_the_usual_terms_are_mozillas_intermediate_profile() -> None:
    context = server_context(USUAL, LIBRARY)
    old = {cipher["name"] for cipher in context.get_ciphers() if not cipher["name"].startswith("TLS_")}
    assert {name.split("-")[0] for name in old} == {"ECDHE"}
    assert all("GCM" in name or "CHACHA20" in name for name in old)
    assert len(old) == 6
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_terms_are_obeyed() -> None:
    terms = Tls(
        min_version=TlsVersion.TLS13,
        ciphers="ECDHE-ECDSA-AES128-GCM-SHA256",
        groups="P-384",
        client_certificates=ClientCertificates.OPTIONAL,
        client_ca=AUTHORITY.cert_pem.bytes().decode(),
    )
    context = server_context(terms, LIBRARY)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.verify_mode is ssl.CERT_OPTIONAL
    assert [cipher["name"] for cipher in context.get_ciphers() if cipher["name"].startswith("ECDHE")] == ["ECDHE-ECDSA-AES128-GCM-SHA256"]
