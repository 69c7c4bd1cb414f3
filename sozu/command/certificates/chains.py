"""The order of a chain: which certificate is the one that is served, and who issued whom (RFC 8446 section 4.4.2). Pure.

Bundles come in every order, with the root, with a neighbour's intermediate: what is sent is the served certificate, then the issuer of each before,
without the root, which a client must have anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sozu.command.certificates.pem import BadCertificate, Block

# Old files have the second label, which RFC 7468 section 5.1 lets a parser take for their sake; OpenSSL writes the third. What else
# stands in a bundle (keys, parameters, requests) is not for us, and no reason to refuse it.
TRUSTED_LABEL = "TRUSTED CERTIFICATE"
CERTIFICATE_LABELS = frozenset(("CERTIFICATE", "X509 CERTIFICATE", TRUSTED_LABEL))
# Certificates. Whoever gives us a bundle decides how long a chain he makes of it, and each link costs the client bytes before its
# first answer: web chains have one or two. What is longer is sent without its end, and the client may know the rest.
LONGEST_CHAIN = 8


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate, and the block it was read from."""

    certificate: x509.Certificate
    block: Block

    @property
    def public_key(self) -> bytes:
        """Its public key, comparable with another's."""
        return self.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def read_links(blocks: Sequence[Block]) -> list[Link]:
    """The certificates among some blocks. Raises BadCertificate."""
    return [_read_link(_without_trust(block)) for block in blocks if block.label in CERTIFICATE_LABELS]


def _without_trust(block: Block) -> Block:
    """The certificate alone. OpenSSL writes behind it what it is trusted for, which is for those who judge it, not for who shows it."""
    return replace(block, content=_first_value(block.content)) if block.label == TRUSTED_LABEL else block


def _first_value(der: bytes) -> bytes:
    # X.690 section 8.1.3: below 128 the octet behind the tag is the length, else how many octets there are of it.
    length, begin = der[1] if len(der) > 1 else 0, 2
    if length >= 128:
        begin += length - 128
        length = int.from_bytes(der[2:begin])
    return der[: begin + length]


def _read_link(block: Block) -> Link:
    try:
        certificate = x509.load_der_x509_certificate(block.content)
        link = Link(certificate, block)
        # The library parses these only when they are asked for: asked here, a broken extension is a flaw with a line, and not an
        # exception somewhere in the master later.
        _ = link.public_key, certificate.extensions, certificate.subject
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise BadCertificate(block.flaw(f"not a certificate that can be read: {error}")) from error
    return link


def chain_of(served: Link, others: Sequence[Link]) -> list[Link]:
    """The certificates that follow the served one, each the issuer of the one before; what belongs to another chain is left out."""
    chain: list[Link] = []
    current = served
    while len(chain) < LONGEST_CHAIN and not _is_root(current):
        # What is in the chain already is not taken again: two authorities that have signed each other would fill it with
        # themselves.
        issuer = next((other for other in others if other is not current and other not in chain and _issued(other, current)), None)
        # RFC 8446 section 4.4.2 lets the trust anchor be left out: who does not have it already would not believe ours either. A
        # gap ends the chain as well. Guessing across it would send certificates that prove nothing.
        if issuer is None or _is_root(issuer):
            break
        chain.append(issuer)
        current = issuer
    return chain


def _is_root(link: Link) -> bool:
    # By name alone, without a look at the signature: nothing is trusted because of it, only left unsent.
    return link.certificate.subject == link.certificate.issuer


def _issued(issuer: Link, link: Link) -> bool:
    # First the names, which cost nothing; of a bundle of sixty blocks nearly all end here.
    if issuer.certificate.subject != link.certificate.issuer:
        return False
    try:
        # The name is not enough: an authority that renews its key keeps its name, and bundles hold the certificates of both keys. A
        # client that got the wrong one would find no path to its anchor.
        link.certificate.verify_directly_issued_by(issuer.certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
