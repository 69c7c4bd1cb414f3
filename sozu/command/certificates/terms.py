"""On what terms a listener speaks TLS, and a cluster to its backends. Frozen, compared by value; what is left out is Mozilla's intermediate profile (docs/tls.md)."""

from enum import StrEnum

import msgspec


class TlsVersion(StrEnum):
    """The oldest version that is spoken."""

    # Nothing older can be named: RFC 8996 has done away with TLS 1.0 and 1.1.
    TLS12 = "TLSv1.2"
    TLS13 = "TLSv1.3"


class ClientCertificates(StrEnum):
    """Are clients asked for certificates, and must they have one?"""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Tls(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The terms of a listener.

    `ciphers` (of TLS 1.2, as OpenSSL names them) and `groups`: names with colons between them, best first. `client_ca`: in PEM, who may have
    issued the certificates of clients. `strict`: requests for a host that the served certificate does not cover are answered by 421.
    """

    min_version: TlsVersion = TlsVersion.TLS12
    ciphers: str | None = None
    groups: str | None = None
    # A session of another listener never goes on at one that asks: the keys of tickets follow from the terms (docs/tls.md).
    # Otherwise whoever has a ticket from elsewhere would never be asked.
    client_certificates: ClientCertificates = ClientCertificates.NONE
    client_ca: str | None = None
    # By default, since connections are reused: without it a client that got in by one tenant's name could ask for another's pages.
    # RFC 9110 section 7.4 has us refuse that, and section 15.5.20 names the status.
    strict: bool = True


class BackendTls(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a cluster's backends are spoken to. `ca`: in PEM, who may have issued their certificates; else whom the system trusts.

    `server_name` is whom they must prove to be, else the host of their address; with `verify` false nobody asks. `certificate`: the fingerprint of
    the one that they are shown.
    """

    ca: str | None = None
    certificate: str | None = None
    server_name: str | None = None
    # To ask for no proof has to be said: a backend whose certificate is wrong looks like one that is down, and the log has the
    # reason.
    verify: bool = True
