"""Engines of both sides without a socket, and certificates of a test's authority."""

from datetime import UTC, datetime
import ssl

import trustme

from sozu.command.certificates.examining import examine
from sozu.command.certificates.pem import Source
from sozu.command.facts import Certificate
from sozu.proxy.tls.engine import Engine

AUTHORITY = trustme.CA()


def client_context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if version is not None:
        context.maximum_version = version
    return context


def certificate_for(*names: str, kind: trustme.KeyType = trustme.KeyType.ECDSA) -> Certificate:
    made = AUTHORITY.issue_cert(*names, key_type=kind)
    text = b"".join(pem.bytes() for pem in made.cert_chain_pems).decode()
    return examine(Source("c", text), Source("k", made.private_key_pem.bytes().decode()), now=datetime.now(UTC))


def engines(context: ssl.SSLContext, name: str = "a.example", version: ssl.TLSVersion | None = None) -> tuple[Engine, Engine]:
    """A client and a server that have had their handshake."""
    client, server = Engine(client_context(version), server_name=name, server=False), Engine(context)
    shake(client, server)
    return client, server


def shake(client: Engine, server: Engine) -> None:
    finished = [False, False]
    while not all(finished):
        finished[0] = client.shake_hands()
        pass_on(client, server)
        finished[1] = server.shake_hands()
        pass_on(server, client)


def pass_on(one: Engine, other: Engine) -> None:
    if records := one.records():
        other.feed(records)
