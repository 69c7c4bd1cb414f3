"""Certificates and terms of https listeners, which a configuration file names by the files that hold them.

Taken as they are, also when they are not valid now: a restart at night must not fail for one of fifty certificates. `sozu certificate list` shows it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path as File
from time import time

from sozu.command.certificates.admitting import complete
from sozu.command.certificates.pem import BadCertificate
from sozu.command.certificates.terms import BackendTls, Tls
from sozu.command.config.findings import Findings
from sozu.command.config.places import Folder, NoPath
from sozu.command.config.schema import BackendTlsEntry, CertificateEntry, TlsEntry
from sozu.command.orders import AddCertificate, AnyOrder
from sozu.command.shape import Path


class Unreadable(Exception):
    """A file that is named cannot be read. `key` is the setting that names it."""

    def __init__(self, key: str, file: str, reason: str) -> None:
        super().__init__(f"{file} cannot be read: {reason}")
        self.key = key


def read_certificates(
    path: Path, entries: Sequence[CertificateEntry], listener: str, folder: Folder, findings: Findings
) -> Iterator[tuple[Path, AnyOrder]]:
    """The orders that add a listener's certificates, each with its place; what is wrong with them goes to the findings."""
    for index, entry in enumerate(entries):
        place = (*path, index)
        try:
            # Examined here and not when the master carries the order out: `check` needs no master, and shows a broken line at its place in the file.
            # The rules would not take it otherwise: they believe names and fingerprint of an order that was examined, and refuse one without.
            yield place, complete(_order(entry, listener, folder), time())
        except Unreadable as unreadable:
            findings.note((*place, unreadable.key), str(unreadable))
        except BadCertificate as bad:
            _note_flaws(place, bad, findings)


def _note_flaws(place: Path, bad: BadCertificate, findings: Findings) -> None:
    for flaw in bad.flaws:
        findings.note((*place, "key" if flaw.source == "key" else "certificate"), str(flaw))


def _order(entry: CertificateEntry, listener: str, folder: Folder) -> AddCertificate:
    chain = () if entry.chain is None else (_text("chain", entry.chain, folder),)
    certificate, key = _text("certificate", entry.certificate, folder), _text("key", entry.key, folder)
    # `force` lets pass what is not valid now, and nothing else: a text that is no certificate, or a key of another one, stays an error.
    return AddCertificate(certificate=certificate, private_key=key, chain=chain, listener=listener, force=True)


def read_terms(path: Path, entry: TlsEntry | None, folder: Folder, findings: Findings) -> Tls | None:
    """The terms of a listener."""
    if entry is None:
        return None
    try:
        # The text goes into the state, and not the path: workers, who need it, can open no such file once Landlock has confined them.
        # What was committed also stays what it was when somebody edits the file afterwards.
        authority = None if entry.client_ca is None else _text("client_ca", entry.client_ca, folder)
    except Unreadable as unreadable:
        findings.note((*path, unreadable.key), str(unreadable))
        return None
    return Tls(
        min_version=entry.min_version,
        ciphers=entry.ciphers,
        groups=entry.groups,
        client_certificates=entry.client_certificates,
        client_ca=authority,
        strict=entry.strict,
    )


def read_backend_terms(
    path: Path, entry: BackendTlsEntry | None, folder: Folder, findings: Findings
) -> tuple[BackendTls | None, AddCertificate | None]:
    """The terms for a cluster's backends; and the order that adds the certificate that they are shown, if it is in files."""
    if entry is None:
        return None, None
    shown = None
    try:
        authority = None if entry.ca is None else _text("ca", entry.ca, folder)
        # Only a key tells a file from a fingerprint here: 64 hexadecimal digits may well be the name of a file.
        if entry.key is not None:
            shown = _shown(entry, folder)
    except Unreadable as unreadable:
        findings.note((*path, unreadable.key), str(unreadable))
        return None, None
    except BadCertificate as bad:
        _note_flaws(path, bad, findings)
        return None, None
    # From here on a cluster knows its certificate by the fingerprint alone, as it would from an order; the texts are in a fact of their own.
    certificate = entry.certificate if shown is None else shown.fingerprint
    return BackendTls(ca=authority, certificate=certificate, server_name=entry.server_name, verify=entry.verify), shown


def _shown(entry: BackendTlsEntry, folder: Folder) -> AddCertificate:
    if entry.certificate is None:
        raise Unreadable("key", str(entry.key), "no certificate is named for it")
    certificate, key = _text("certificate", entry.certificate, folder), _text("key", str(entry.key), folder)
    order = complete(AddCertificate(certificate=certificate, private_key=key, force=True, for_backends=True), time())
    assert isinstance(order, AddCertificate), "the same order, complete"
    return order


def _text(key: str, name: str, folder: Folder) -> str:
    if name.lstrip().startswith("-----BEGIN"):  # as `sozu export` writes it
        return name
    try:
        file = folder.path(name)
    except NoPath as error:
        raise Unreadable(key, name, str(error)) from error
    try:
        # Around its blocks a PEM file may hold any text (RFC 7468 section 2): bundles of authorities name theirs in UTF-8, or in Latin-1.
        # Inside of a block a replaced byte is no base64, and is shown with the line of that block; a UnicodeDecodeError would end in a traceback.
        return File(file).read_text("ascii", "replace")
    except OSError as error:
        raise Unreadable(key, file, error.strerror or str(error)) from error
