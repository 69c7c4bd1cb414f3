"""Whom a certificate covers: names and addresses of its subjectAltName, and how a hostname is compared with them (RFC 9525 section 6.3). Pure."""

from collections.abc import Collection
import ipaddress

from cryptography import x509

from sozu.command.hostnames import BadHostname, normal_hostname

STAR = "*."


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Its names as `normal_hostname` spells them; IPv6 addresses in brackets. One without a subjectAltName has its common name.

    Names that no request could have (a star in the middle, a star alone) are left out.
    """
    found = dict.fromkeys(filter(None, map(_normal, _subject_names(certificate))))
    return tuple(found)


def _subject_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        commons = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return [str(common.value) for common in commons]
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(_bracketed, addresses)]


def _bracketed(address: object) -> str:
    return f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)


def _normal(name: str) -> str | None:
    try:
        return None if name == "*" else normal_hostname(name)
    except BadHostname:
        return None


def patterns(hostname: str) -> tuple[str, ...]:
    """What may cover a hostname, the most specific first: itself, and the wildcard for its first label. Addresses have none."""
    if hostname.startswith((STAR, "[")) or _is_ipv4(hostname):
        return (hostname,)
    _, dot, parent = hostname.partition(".")
    return (hostname, STAR + parent) if dot and parent else (hostname,)


def covers(names: Collection[str], hostname: str) -> bool:
    """Is a certificate with these names good for this hostname (or for all that a wildcard hostname stands for)?"""
    return any(pattern in names for pattern in patterns(hostname))


def _is_ipv4(hostname: str) -> bool:
    last = hostname.rpartition(".")[2]
    return last.isascii() and last.isdigit()
