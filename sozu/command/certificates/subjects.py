"""The names in a certificate: of its subjectAltName, addresses too (RFC 9525 section 6.2). Pure."""

import ipaddress

from cryptography import x509

from sozu.command.hostnames import BadHostname, normal_hostname


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
