"""Names of ciphers and groups: upstream says those of rustls, we those of OpenSSL. Pure."""

import re
import ssl
from typing import Any, Final

from sozu.command.conversion.source import Table
from sozu.command.rules.terms import GROUPS

_VERSIONS: Final = {"TLS_V12": "TLSv1.2", "TLS_V13": "TLSv1.3", "TLSv1.2": "TLSv1.2", "TLSv1.3": "TLSv1.3"}
_GROUPS: Final = {"x25519": "X25519", "secp256r1": "P-256", "x448": "X448"}


def read_tls(table: Table) -> dict[str, Any]:
    """The terms of an https listener, where they are not the usual ones."""
    terms: dict[str, Any] = {}
    if versions := table.take("tls_versions", list):
        # Theirs is a list, ours the oldest one: with TLS 1.2 and 1.3 alone a list could say no more than that, and the names sort as the versions do.
        terms["min_version"] = min((_VERSIONS[each] for each in versions if each in _VERSIONS), default="TLSv1.2")
        for each in versions:
            if each not in _VERSIONS:
                table.note("tls_versions", f"{each} is too old to be spoken here")
    # Newer and older files call the list differently; what stands under either is said.
    if ciphers := [name for key in ("cipher_list", "rustls_cipher_list") for name in _names(table, key)]:
        # An empty list is no list: nothing is said then, so that the usual ones hold, and the notes tell why.
        terms |= _listed("ciphers", [name for each in ciphers if (name := _cipher(table, each))])
    table.explain("cipher_suites", "those of TLS 1.3 are OpenSSL's: all of them")
    if groups := table.take("groups_list", list):
        terms |= _listed("groups", [name for each in groups if (name := _group(table, str(each)))])
    # Strict is the default on both sides, so only the other one is written.
    if table.take("strict_sni_binding", bool, default=True) is False:
        terms["strict"] = False
    return terms


def _names(table: Table, key: str) -> list[str]:
    """A list of names, or one text with colons between them."""
    value = table.take(key, (list, str), [])
    return value.split(":") if isinstance(value, str) else [str(each) for each in value]


def _listed(key: str, names: list[str]) -> dict[str, str]:
    return {key: ":".join(names)} if names else {}


def _cipher(table: Table, name: str) -> str | None:
    if re.match("TLS_?13_|TLS_(AES|CHACHA20)", name):
        table.note("cipher_list", f"{name} is of TLS 1.3, which always has all of its ciphers")
        return None
    # rustls uses the names of IANA, OpenSSL its own: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 is ECDHE-RSA-AES256-GCM-SHA384, and ChaCha20 ends without its hash.
    # What is called as OpenSSL calls it comes through unchanged.
    ours = name.removeprefix("TLS_").replace("_WITH_", "_").replace("AES_", "AES").removesuffix("_SHA256" if "CHACHA20" in name else "")
    ours = ours.replace("_", "-")
    try:
        # Each alone: of a list OpenSSL takes those that it knows and is silent about the others, so that a weaker list than was written would hold.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(ours)
    except ssl.SSLError:
        table.note("cipher_list", f"OpenSSL knows no {name}")
        return None
    return ours


def _group(table: Table, name: str) -> str | None:
    ours = _GROUPS.get(name, name)
    if ours not in GROUPS:
        table.note("groups_list", f"there is no {name} here")
        return None
    return ours
