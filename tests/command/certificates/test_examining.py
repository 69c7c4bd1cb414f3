from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
import pytest

from sozu.command.certificates.chains import LONGEST_CHAIN
from sozu.command.certificates.examining import examine
from sozu.command.certificates.keys import read_key
from sozu.command.certificates.loading import load, try_to_load
from sozu.command.certificates.pem import MOST_BLOCKS, BadCertificate, read_blocks
from sozu.command.facts import Certificate, KeyKind
from tests.command.certificates.authority import DAY, NOW, Authority, ecdsa, key_pem, rsa_key, source

ROOT = Authority("Root")
MIDDLE = Authority("Middle", ROOT)
LOWER = Authority("Lower", MIDDLE)
STRANGER = Authority("Stranger")
KEY = ecdsa()
LEAF = LOWER.issue(KEY, "blog.example.com", "*.blog.example.com")


def taken(certificate: str, key: str = "", *chain: str, force: bool = False) -> Certificate:
    others = [source(f"chain {number}", text) for number, text in enumerate(chain, 1)]
    return examine(source("cert.pem", certificate), source("key.pem", key or key_pem(KEY)), others, now=NOW, force=force)


def flaws(certificate: str, key: str = "", *chain: str) -> str:
    with pytest.raises(BadCertificate) as caught:
        taken(certificate, key, *chain)
    return str(caught.value)


def test_the_fingerprint_is_the_sha256_of_the_der() -> None:
    der = x509.load_pem_x509_certificate(LEAF.encode()).public_bytes(Encoding.DER)
    assert taken(LEAF).fingerprint == sha256(der).hexdigest()


# SEQUENCE { SEQUENCE { OBJECT IDENTIFIER serverAuth } }, which `openssl x509 -trustout -addtrust serverAuth` writes behind it.
TRUST = bytes.fromhex("300c300a06082b06010505070301")


@pytest.mark.parametrize("trust", [b"", TRUST])
def test_of_a_trusted_certificate_what_it_is_trusted_for_is_left_out(trust: bytes) -> None:
    text = b64encode(ssl.PEM_cert_to_DER_cert(LEAF) + trust).decode()
    trusted = f"-----BEGIN TRUSTED CERTIFICATE-----\n{text}\n-----END TRUSTED CERTIFICATE-----\n"

    assert taken(trusted) == taken(LEAF)


@pytest.mark.parametrize("content", [b"0", b"0\x80", b"0\x83\x01", TRUST, b"\xff" * 300])
def test_a_trusted_certificate_that_is_none_is_refused(content: bytes) -> None:
    trusted = f"-----BEGIN TRUSTED CERTIFICATE-----\n{b64encode(content).decode()}\n-----END TRUSTED CERTIFICATE-----\n"

    assert "cert.pem:1: not a certificate that can be read" in flaws(trusted)


def test_names_validity_and_kind_are_read() -> None:
    fact = taken(LEAF)
    assert fact.names == ("blog.example.com", "*.blog.example.com")
    assert (fact.not_before, fact.not_after) == (int((NOW - DAY).timestamp()), int((NOW + 90 * DAY).timestamp()))
    assert fact.kind is KeyKind.ECDSA


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (rsa_key, KeyKind.RSA),
        (ed25519.Ed25519PrivateKey.generate, KeyKind.ED25519),
        (lambda: ec.generate_private_key(ec.SECP384R1()), KeyKind.ECDSA),
    ],
)
def test_kinds_of_keys(key: Callable[[], ec.EllipticCurvePrivateKey], kind: KeyKind) -> None:
    made = key()
    assert taken(ROOT.issue(made, "a.example"), key_pem(made)).kind is kind


@pytest.mark.parametrize(
    "bundle",
    [
        LEAF + LOWER.pem + MIDDLE.pem,
        MIDDLE.pem + LEAF + LOWER.pem,
        ROOT.pem + MIDDLE.pem + LOWER.pem + LEAF,
        "some words\n" + LEAF + STRANGER.pem + "\n\n" + LOWER.pem + LOWER.pem + MIDDLE.pem + ROOT.pem,
        key_pem(KEY) + LEAF.replace("\n", "\r\n") + LOWER.pem + MIDDLE.pem,
    ],
)
def test_a_chain_is_put_in_order_and_what_does_not_belong_to_it_is_left_out(bundle: str) -> None:
    fact = taken(bundle)
    assert (fact.certificate, fact.chain) == (LEAF, (LOWER.pem, MIDDLE.pem))


def test_a_chain_may_come_apart_from_the_certificate_and_the_key_with_it() -> None:
    assert taken(LEAF, "", MIDDLE.pem, LOWER.pem).chain == (LOWER.pem, MIDDLE.pem)
    both = LEAF + key_pem(KEY)
    assert taken(both, both) == taken(LEAF)


def test_a_gap_in_the_chain_ends_it() -> None:
    assert taken(LEAF + MIDDLE.pem).chain == ()


def test_an_issuer_of_the_same_name_with_another_key_is_none() -> None:
    assert taken(LEAF + Authority("Lower").pem + Authority("Lower", MIDDLE).pem).chain == ()


def test_a_chain_has_an_end() -> None:
    authorities = [LOWER]
    for number in range(LONGEST_CHAIN + 2):
        authorities.append(Authority(f"Lower {number}", authorities[-1]))
    bundle = authorities[-1].issue(KEY, "a.example") + "".join(authority.pem for authority in authorities)
    assert len(taken(bundle).chain) == LONGEST_CHAIN


def test_a_self_signed_certificate_is_its_own_chain() -> None:
    assert taken(ROOT.issue(KEY, "a.example") + ROOT.pem).chain == ()


def test_the_key_must_belong_to_the_certificate() -> None:
    assert "key.pem:1: the private key does not belong to this certificate" in flaws(LEAF, key_pem(ecdsa()))
    assert "any of these 2 certificates" in flaws(LEAF + LOWER.pem, key_pem(ecdsa()))


def test_names_are_spelled_as_requests_are_compared() -> None:
    names = ("WWW.Example.COM", "10.0.0.1", "::1", "*.a.example", "*", "a*.example", "www.example.com")
    fact = taken(ROOT.issue(KEY, *names))
    assert set(fact.names) == {"www.example.com", "*.a.example", "10.0.0.1", "[::1]"}


def test_without_a_subject_alternative_name_the_common_name_counts() -> None:
    assert taken(ROOT.issue(KEY, common="old.example")).names == ("old.example",)
    assert taken(ROOT.issue(KEY, "new.example", common="old.example")).names == ("new.example",)
    assert "no name that a client could ask for" in flaws(ROOT.issue(KEY, common="Not A Host"))


def test_one_that_is_not_valid_now_is_refused_unless_forced() -> None:
    expired, early = ROOT.issue(KEY, "a.example", begin=-9 * DAY, end=-DAY), ROOT.issue(KEY, "a.example", begin=DAY)
    assert "expired on 2026-05-31 00:00 UTC (expected one that is valid now; `--force` takes it" in flaws(expired)
    assert "not valid before 2026-06-02" in flaws(early)
    assert [taken(text, force=True).names for text in (expired, early)] == [("a.example",)] * 2


def test_encrypted_keys_are_refused_with_advice() -> None:
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        message = flaws(LEAF, key_pem(KEY, b"secret", form))
        assert "is encrypted" in message
        assert "openssl pkey -in" in message


def test_keys_of_any_spelling_leave_in_one() -> None:
    assert taken(LEAF, key_pem(KEY, form=PrivateFormat.TraditionalOpenSSL)) == taken(LEAF)


def test_weak_and_exotic_keys_are_refused() -> None:
    short = rsa_key(1024)
    assert "an RSA key of 1024 bits is too short" in flaws(ROOT.issue(short, "a.example"), key_pem(short))
    unusual = ed448.Ed448PrivateKey.generate()
    assert "of a kind that clients do not know" in flaws(ROOT.issue(KEY, "a.example"), key_pem(unusual))
    odd = ec.generate_private_key(ec.SECP256K1())
    assert "on the curve secp256k1" in flaws(ROOT.issue(odd, "a.example"), key_pem(odd))


def test_a_weak_signature_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x509.Certificate, "signature_hash_algorithm", SHA1(), raising=False)
    assert "signed with sha1" in flaws(LEAF)


BLOCK = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("certificate", "key", "message"),
    [
        ("", "", "cert.pem: there is no certificate in it"),
        (key_pem(KEY), "", "cert.pem: there is no certificate in it"),
        (LEAF, "nothing", "key.pem: there is no private key in it"),
        (LEAF, key_pem(KEY) * 2, "key.pem:6: a second private key"),
        (LEAF, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "key.pem:1: not a private key that can be read"),
        pytest.param(LEAF[:100], "", 'cert.pem:1: this block is cut short (expected "-----END CERTIFICATE-----")', id="cut"),  # an id is no random text
        (LEAF[:100] + "\n" + LEAF, "", "cert.pem:1: this block is cut short"),
        ("\n" + LEAF.replace("MII", "M?I", 1), "", "cert.pem:2: this block is damaged"),
        ("-----BEGIN X-----\n-----END X-----\n", "", "cert.pem:1: this block is damaged"),
        (BLOCK, "", "cert.pem:1: not a certificate that can be read"),
        (BLOCK * (MOST_BLOCKS + 1), "", f"cert.pem:{3 * MOST_BLOCKS + 1}: more than {MOST_BLOCKS} blocks"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(certificate: str, key: str, message: str) -> None:
    assert message in flaws(certificate, key)


def test_what_is_wrong_with_both_texts_is_told_at_once() -> None:
    message = flaws(LEAF[:100], key_pem(KEY)[:100])
    assert "cert.pem:1" in message
    assert "key.pem:1" in message


def test_a_flaw_shows_the_line_where_a_block_begins_and_never_a_line_of_a_key() -> None:
    with pytest.raises(BadCertificate) as caught:
        taken(LEAF, key_pem(ecdsa()))
    assert caught.value.flaws[0].text == "-----BEGIN PRIVATE KEY-----"


def test_nothing_shows_a_key() -> None:
    fact, pem = taken(LEAF), key_pem(KEY)
    text = source("key.pem", pem)
    secrets = pem.splitlines()[1:-1]
    key = read_key(read_blocks(text), text)
    shown = [repr(fact), repr([fact]), repr(key), repr(text), repr(read_blocks(text)), flaws(LEAF, pem.replace("-----END PRIVATE", "")), flaws(LEAF, pem * 2)]
    assert not [secret for secret in secrets if secret in "".join(shown)]


def test_what_was_examined_can_be_loaded() -> None:
    for key in (KEY, rsa_key()):
        try_to_load(taken(LOWER.issue(key, "a.example") + LOWER.pem, key_pem(key)))


def test_what_cannot_be_loaded_says_why() -> None:
    wrong = Certificate(fingerprint="00", certificate=LEAF, private_key=key_pem(ecdsa()))
    with pytest.raises(BadCertificate, match="OpenSSL does not take it: key values mismatch"):
        try_to_load(wrong)


def test_one_context_serves_certificates_of_two_kinds() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for key in (KEY, rsa_key()):
        load(context, taken(LOWER.issue(key, "a.example"), key_pem(key)))
