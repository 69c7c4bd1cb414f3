"""The names in a certificate: of its subjectAltName, addresses too (RFC 9525 section 6.2). Pure."""

import ipaddress

from cryptography import x509

from sozu.command.hostnames import BadHostname, normal_hostname


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Its names as `normal_hostname` spells them; IPv6 addresses in brackets. One without a subjectAltName has its common name.

    Names that no request could have (a star in the middle, a star alone) are left out.
    """
    # Each once, in the certificate's order: the first name is the one by which `table` looks for twins of another kind.
    found = dict.fromkeys(filter(None, map(_normal, _subject_names(certificate))))
    return tuple(found)


def _subject_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        # RFC 9525 (appendix A) knows the common name no more, and browsers do not look at it. It is for old certificates of private
        # authorities, and must not count beside a subjectAltName: that would cover names which the authority has left out.
        commons = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return [str(common.value) for common in commons]
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(_bracketed, addresses)]


def _bracketed(address: object) -> str:
    # As a Host field has it (RFC 3986 section 3.2.2): these names are compared with the host of a request.
    return f"[{address}]" if isinstance(address, ipaddress.IPv6Address) else str(address)


def _normal(name: str) -> str | None:
    try:
        # For a frontend the star alone is every host, in a certificate it would be one label without a domain: it covers nothing.
        # Stars inside a label are refused by `normal_hostname`, as RFC 9525 section 6.3 wants it.
        return None if name == "*" else normal_hostname(name)
    except BadHostname:
        return None
