"""From PEM texts to a fact, or to all that is wrong with them. Pure: the time is an argument.

Done once, by whoever takes a certificate in (the master's door, the configuration file). Workers and the journal get the fact's fields and
believe them: ten thousand certificates are not read again at each start, and one that has run out meanwhile does not stop a restart.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.hazmat.primitives.serialization import Encoding

from sozu.command.certificates.chains import Link, chain_of, read_links
from sozu.command.certificates.keys import Key, read_key
from sozu.command.certificates.pem import BadCertificate, Block, Flaw, Source, read_blocks
from sozu.command.certificates.subjects import names_of
from sozu.command.facts import Certificate

WEAK: Final = (MD5, SHA1)  # OpenSSL's security level 2 takes no certificate signed so
FORCE: Final = "one that is valid now; `--force` takes it nevertheless"


def examine(
    certificate: Source, key: Source, chain: Sequence[Source] = (), *, now: datetime, force: bool = False, for_backends: bool = False
) -> Certificate:
    """The fact: chain in order, key checked against the certificate, names, validity, fingerprint of the DER.

    The served certificate is the one that the key belongs to, wherever it stands. Certificate and key may be in one text. Not valid at `now`
    is a flaw unless `force`, to have no name unless `for_backends`. Raises BadCertificate with every flaw.
    """
    # One list for all certificate texts: whether the chain stands in the file of the certificate or apart from it, and in which
    # order, differs from authority to authority, and nothing below depends on it.
    blocks, key_blocks = _blocks((certificate, *chain), key)
    links, found = read_links(blocks), read_key(key_blocks, key)
    served = _belonging_to(found, links, certificate)
    # All of them at once: who mends one flaw for each attempt has to ask his authority anew for each.
    flaws = [*_weaknesses(served), *([] if for_backends else _namelessness(served)), *([] if force else _dates(served, now))]
    if flaws:
        raise BadCertificate(*flaws)
    return Certificate(
        # Of the bytes as they came, not of a certificate that was encoded again: it is the number that `openssl x509 -fingerprint`
        # shows.
        fingerprint=sha256(served.block.content).hexdigest(),
        certificate=_pem(served),
        private_key=found.pem,
        chain=tuple(_pem(link) for link in chain_of(served, links)),
        for_backends=for_backends,
        names=names_of(served.certificate),
        kind=found.kind,
        not_before=_seconds(served.certificate.not_valid_before_utc),
        not_after=_seconds(served.certificate.not_valid_after_utc),
    )


def _blocks(certificates: Sequence[Source], key: Source) -> tuple[list[Block], list[Block]]:
    """Those of all certificate texts, and those of the key's; what is wrong with either is told at once."""
    # The key is read although a certificate is broken already, so that whoever has mixed up both files hears of both.
    found: list[list[Block]] = []
    flaws: list[Flaw] = []
    for source in (*certificates, key):
        try:
            found.append(read_blocks(source))
        except BadCertificate as bad:
            flaws += bad.flaws
    if flaws:
        raise BadCertificate(*flaws)
    # The key's text may be the certificate's, too (one file with both): then its certificates are in the others, and are not taken
    # twice.
    return [block for some in found[:-1] for block in some], found[-1]


def _belonging_to(key: Key, links: Sequence[Link], source: Source) -> Link:
    if not links:
        raise BadCertificate(Flaw(source.name, "there is no certificate in it", expected='"-----BEGIN CERTIFICATE-----"'))
    # The key decides, and not the order: nginx takes the first certificate of a file and fails with "key values mismatch" where a
    # bundle begins with the intermediate. Public keys are compared as SubjectPublicKeyInfo, which is the same for certificate and
    # key.
    for link in links:
        if link.public_key == key.public:
            return link
    which = "this certificate" if len(links) == 1 else f"any of these {len(links)} certificates"
    raise BadCertificate(key.block.flaw(f"the private key does not belong to {which}", "the key that the certificate was asked for with"))


def _weaknesses(link: Link) -> Iterator[Flaw]:
    # Ed25519 names no hash, which is None here and not weak. Only the served one is asked: OpenSSL judges the rest in
    # `try_to_load`.
    if isinstance(link.certificate.signature_hash_algorithm, WEAK):
        yield link.block.flaw(f"signed with {link.certificate.signature_hash_algorithm.name}, which clients refuse", "SHA-256 or better")


def _namelessness(link: Link) -> Iterator[Flaw]:
    # `table` finds certificates by name: without one it could be served as a default alone, and no client would believe it.
    if not names_of(link.certificate):
        yield link.block.flaw("the certificate has no name that a client could ask for", "a DNS name or address in its subjectAltName")


def _dates(link: Link, now: datetime) -> Iterator[Flaw]:
    # Both bounds belong to the time in which it is valid (RFC 5280 section 4.1.2.5).
    begin, end = link.certificate.not_valid_before_utc, link.certificate.not_valid_after_utc
    if now < begin:
        yield link.block.flaw(f"the certificate is not valid before {day(begin)}", FORCE)
    if now > end:
        yield link.block.flaw(f"the certificate expired on {day(end)}", FORCE)


def day(moment: datetime) -> str:
    """As messages write a moment."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _seconds(moment: datetime) -> int:
    # Whole seconds, as the certificate has them: facts are compared by value after a way through JSON, where a float might come
    # back as another.
    return int(moment.timestamp())


def _pem(link: Link) -> str:
    return link.certificate.public_bytes(Encoding.PEM).decode("ascii")
