"""Orders for certificates, short to write: what an examination would find in them is said by the test."""

import pytest

from sozu.command.certificates.terms import BackendTls
from sozu.command.commit import Commit, Refused, commit
from sozu.command.orders import AddCertificate, AddCluster, AnyOrder, ReplaceCertificate
from sozu.command.state import ConfigState

HTTPS, OTHER, HTTP = "127.0.0.1:8443", "127.0.0.1:9443", "127.0.0.1:8080"
A, B, C = "a" * 64, "b" * 64, "c" * 64


def added(fingerprint: str, *names: str, listener: str | None = None, chain: tuple[str, ...] = ()) -> AddCertificate:
    return AddCertificate(certificate="CERT", private_key="KEY", fingerprint=fingerprint, names=names, listener=listener, chain=chain)


def replaced(old: str, new: str, *names: str, force: bool = False) -> ReplaceCertificate:
    return ReplaceCertificate(fingerprint=old, replacement=new, certificate="CERT", private_key="KEY", names=names, force=force)


def for_backends(fingerprint: str, *names: str) -> AddCertificate:
    return AddCertificate(certificate="CERT", private_key="KEY", fingerprint=fingerprint, names=names, for_backends=True)


def showing(fingerprint: str) -> AddCluster:
    return AddCluster(cluster="tls", tls=BackendTls(certificate=fingerprint))


def done(state: ConfigState, *orders: AnyOrder) -> Commit:
    return commit(state, orders)


def refusal(state: ConfigState, *orders: AnyOrder) -> str:
    with pytest.raises(Refused) as refused:
        commit(state, orders)
    return refused.value.reason
