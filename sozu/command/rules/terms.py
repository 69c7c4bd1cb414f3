"""On what terms a listener may speak TLS: what OpenSSL would refuse later is refused here. No file, no socket."""

import ssl
from typing import Final

from sozu.command.certificates.terms import BackendTls, ClientCertificates, Tls
from sozu.command.hostnames import BadHostname, normal_hostname
from sozu.command.rules.objections import Objection

# By name, as Python's ssl cannot be asked for several groups; workers set them by a call of OpenSSL (tls/openssl.py), too late to refuse an order.
GROUPS: Final = frozenset(("X25519", "X448", "P-256", "P-384", "P-521", "prime256v1", "secp384r1", "secp521r1"))


def check_terms(terms: Tls) -> None:
    """Raise Objection if they make no sense."""
    # OpenSSL itself is asked, the same library that workers use: what it takes here it takes there. A list of ours would be wrong with its next
    # version.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if terms.ciphers is not None:
        _check_ciphers(context, terms.ciphers)
    unknown = [] if terms.groups is None else [name for name in terms.groups.split(":") if name not in GROUPS]
    if unknown:
        raise Objection(f'"{unknown[0]}" is not a group: some of {", ".join(sorted(GROUPS))}, with colons between them', "tls.groups")
    # One without the other would ask clients for certificates that nobody can check, or hold authorities that nobody asks for.
    if (terms.client_ca is None) is not (terms.client_certificates is ClientCertificates.NONE):
        raise Objection("client_certificates and client_ca need each other: whom to ask, and who may have signed", "tls.client_ca")
    if terms.client_ca is not None:
        _check_authority(context, terms.client_ca, "tls.client_ca")


def check_backend_terms(terms: BackendTls) -> None:
    """Raise Objection if they make no sense."""
    if terms.ca is not None:
        # A context of its own, thrown away: only whether the text can be read is wanted.
        _check_authority(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), terms.ca, "tls.ca")
    if terms.server_name is not None:
        _check_server_name(terms.server_name)


def _check_server_name(name: str) -> None:
    try:
        normal_hostname(name)
    except BadHostname as error:
        raise Objection(str(error), "tls.server_name") from error


def _check_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError as error:
        raise Objection(f'"{ciphers[:80]}" names no cipher that OpenSSL knows', "tls.ciphers") from error


def _check_authority(context: ssl.SSLContext, pem: str, field: str) -> None:
    try:
        # ValueError is for text that holds nothing to read, SSLError for what OpenSSL cannot: both are the operator's mistake, and one answer.
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise Objection(f"{field.removeprefix('tls.')} holds no certificate in PEM that can be read", field) from error
