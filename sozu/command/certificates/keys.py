"""Private keys: which ones can be served, and advice about the others. Pure. No message, repr or exception here holds a byte of a key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from sozu.command.certificates.pem import BadCertificate, Block, Flaw, Source
from sozu.command.facts import KeyKind

LEAST_RSA: Final = 2048  # bits; what OpenSSL's security level 2 still takes
# Those that have a signature scheme in TLS 1.3 (RFC 8446 section 4.2.3). A certificate on another one, secp256k1 for instance, can
# be made and loaded, and then no handshake ever finds an algorithm.
CURVES: Final = frozenset(("secp256r1", "secp384r1", "secp521r1"))
ENCRYPTED_LABEL: Final = "ENCRYPTED PRIVATE KEY"
# PKCS #8 (RFC 7468 section 10), PKCS #1 (RFC 8017 appendix A.1.2) and SEC 1 (RFC 5915). "EC PARAMETERS", which `openssl ecparam
# -genkey` writes before the key, is none of them and is passed over.
KEY_LABELS: Final = frozenset(("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", ENCRYPTED_LABEL))
NOT_ENCRYPTED: Final = "a key without a passphrase: openssl pkey -in ENCRYPTED.pem -out key.pem, then chmod 600 key.pem"
POSSIBLE: Final = "an ECDSA key (P-256, P-384, P-521), Ed25519, or RSA of at least 2048 bits"

AnyKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Key:
    """A private key that can be served. `pem` is its one spelling here: PKCS #8, not encrypted."""

    kind: KeyKind
    public: bytes
    pem: str
    block: Block

    def __repr__(self) -> str:
        """Which kind, and nothing of it."""
        return f"Key({self.kind})"


def read_key(blocks: Sequence[Block], source: Source) -> Key:
    """The one private key among some blocks. Raises BadCertificate."""
    found = [block for block in blocks if block.label in KEY_LABELS]
    if not found:
        raise BadCertificate(Flaw(source.name, "there is no private key in it", expected='"-----BEGIN PRIVATE KEY-----"'))
    # Not simply the one that fits: of two keys for one certificate, one is a secret that should be somewhere else.
    if len(found) > 1:
        raise BadCertificate(found[1].flaw("a second private key: which one is meant?", "one key for one certificate"))
    return _key_in(found[0])


def _key_in(block: Block) -> Key:
    # Two ways to be encrypted: the label of PKCS #8, and in older files a field "Proc-Type: 4,ENCRYPTED" inside the block (RFC 1421
    # section 4.6.1.1). Asking for a passphrase was no choice: the master restarts without a terminal.
    if block.label == ENCRYPTED_LABEL or any("ENCRYPTED" in header for header in block.headers):
        raise BadCertificate(block.flaw("the private key is encrypted, and nobody could type its passphrase at a restart", NOT_ENCRYPTED))
    try:
        key = load_der_private_key(block.content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without what the library said: its message may quote what it read.
        raise BadCertificate(block.flaw("not a private key that can be read", POSSIBLE)) from None
    # DSA, Diffie-Hellman, Ed448: the library reads them, and no browser has an algorithm for them.
    if not isinstance(key, AnyKey):
        raise BadCertificate(block.flaw("a private key of a kind that clients do not know", POSSIBLE))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    # Written anew, so that one key has one spelling: adding a certificate again with its key in another format changes nothing.
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return Key(_kind(key, block), public, pem, block)


def _kind(key: AnyKey, block: Block) -> KeyKind:
    match key:
        case EllipticCurvePrivateKey(curve=curve) if curve.name in CURVES:
            return KeyKind.ECDSA
        case EllipticCurvePrivateKey(curve=curve):
            raise BadCertificate(block.flaw(f"a private key on the curve {curve.name}, which clients do not know", POSSIBLE))
        case RSAPrivateKey(key_size=size) if size < LEAST_RSA:
            raise BadCertificate(block.flaw(f"an RSA key of {size} bits is too short", POSSIBLE))
        case RSAPrivateKey():
            return KeyKind.RSA
        case _:
            return KeyKind.ED25519
