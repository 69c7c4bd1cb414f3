"""A certificate authority for tests, which makes also what no authority would: expired, unnamed, badly chained."""

from datetime import UTC, datetime, timedelta
from functools import cache
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from sozu.command.certificates.pem import Source

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AnyKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


def ecdsa() -> AnyKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int = 2048) -> AnyKey:
    return rsa.generate_private_key(65537, bits)


def key_pem(key: AnyKey, passphrase: bytes = b"", form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, how).decode()


class Authority:
    """A root, or an intermediate of another authority."""

    def __init__(self, name: str, parent: "Authority | None" = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name)])
        issuer = parent or self
        self.certificate = (
            _builder(self.subject, issuer.subject, -10 * DAY, 1000 * DAY)
            .public_key(self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(issuer.key, SHA256())
        )
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(
        self,
        key: AnyKey,
        *names: str,
        begin: timedelta = -DAY,
        end: timedelta = 90 * DAY,
        common: str = "",
    ) -> str:
        """A certificate in PEM; times are relative to NOW."""
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)] if common else [])
        builder = _builder(subject, self.subject, begin, end).public_key(key.public_key())
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode()


def _builder(subject: x509.Name, issuer: x509.Name, begin: timedelta, end: timedelta) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(issuer, subject, None, x509.random_serial_number(), NOW + begin, NOW + end)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def source(name: str, *texts: str) -> Source:
    return Source(name, "".join(texts))
