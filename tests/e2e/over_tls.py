"""Certificates of a test's authority, and clients that speak TLS with them."""

import hashlib
import http.client
import json
from pathlib import Path
import socket
import ssl
from typing import Any

import trustme

from sozu.command.orders import AddCertificate
from tests.e2e.processes import LIMIT

AUTHORITY = trustme.CA()


def chain_of(certificate: trustme.LeafCert) -> str:
    return b"".join(pem.bytes() for pem in certificate.cert_chain_pems).decode()


def key_of(certificate: trustme.LeafCert) -> str:
    return certificate.private_key_pem.bytes().decode()


def fingerprint(certificate: trustme.LeafCert) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())).hexdigest()


def added(certificate: trustme.LeafCert, **more: Any) -> AddCertificate:
    return AddCertificate(certificate=chain_of(certificate), private_key=key_of(certificate), **more)


def written(folder: Path, name: str, certificate: trustme.LeafCert) -> dict[str, str]:
    (folder / f"{name}.pem").write_text(chain_of(certificate))
    (folder / f"{name}.key").write_text(key_of(certificate))
    return {"certificate": f"./{name}.pem", "key": f"./{name}.key"}


def trusting(*, version: ssl.TLSVersion | None = None, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if version is not None:
        context.maximum_version = version
    if certificate is not None:
        certificate.configure_cert(context)
    return context


def open_tls(
    port: int, name: str | None = "one.example", context: ssl.SSLContext | None = None, session: Any = None, at: str = "127.0.0.1"
) -> ssl.SSLSocket:
    chosen = context or trusting()
    plain = socket.create_connection((at, port), timeout=LIMIT)
    try:
        return chosen.wrap_socket(plain, server_hostname=name, session=session)
    except BaseException:
        plain.close()
        raise


def unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(tls: ssl.SSLSocket, path: str = "/name", host: str = "one.example", **fields: str) -> tuple[int, bytes]:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode())
    with http.client.HTTPResponse(tls) as response:
        response.begin()
        return response.status, response.read()


def fields_in(told: bytes) -> list[tuple[str, str]]:
    """Of the request that arrived."""
    return [(name, value) for name, value in json.loads(told)["fields"]]


def fingerprint_of(tls: ssl.SSLSocket) -> str:
    return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
