"""Random histories of all kinds of orders over a world so small that they meet: two of everything, and names that cover each other."""

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st

from sozu.command.certificates.terms import BackendTls, Tls, TlsVersion
from sozu.command.commit import Refused, commit
from sozu.command.edits.facts import AnswerPage, ForwardAuth, Rate, Redirect
from sozu.command.facts import KeyKind, LoadBalancing, LogLevel, Match, Position, Protocol, Timeouts
from sozu.command.orders import (
    ActivateListener,
    AddBackend,
    AddCertificate,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AddTcpFrontend,
    AnyOrder,
    DeactivateListener,
    RemoveBackend,
    RemoveCertificate,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
    RemoveTcpFrontend,
    ReplaceCertificate,
    UpdateListener,
    UpdateSettings,
)
from sozu.command.state import ConfigState
from sozu.command.terms import Health, Share

HTTPS, OTHER, ANOTHER = "127.0.0.1:443", "127.0.0.1:8443", "unix:/run/a.sock"
A, B, C, D = (letter * 64 for letter in "abcd")
NAMES: dict[str, tuple[str, ...]] = {A: ("x.y",), B: ("x.y", "*.y", "*.x.y"), C: ("x.y", "*.x.y"), D: ()}  # what is in a certificate never changes

clusters = st.sampled_from(["a", "b"])
addresses = st.sampled_from([HTTPS, HTTPS, OTHER, ANOTHER])
protocols = st.sampled_from([Protocol.HTTPS, Protocol.HTTPS, Protocol.HTTP, Protocol.TCP])
places = st.sampled_from([None, HTTPS, HTTPS, OTHER, ANOTHER])
hostnames = st.sampled_from(["x.y", "a.x.y", "*.x.y", "*"])
fingerprints = st.sampled_from([A, A, B, B, C, D])
pins = st.sampled_from([None, A, A, B, C])
flags = st.booleans()
networks: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), (), ("10.0.0.0/8", "::ffff:192.0.2.0/120")])
answers: st.SearchStrategy[tuple[AnswerPage, ...]] = st.sampled_from([(), (), (AnswerPage(status=503, body="{status}"), AnswerPage(status=404, body="none"))])
terms = st.sampled_from([None, None, None, Tls(min_version=TlsVersion.TLS13)])


def certificate(**said: Any) -> AddCertificate:
    """One that has been examined."""
    names = NAMES[said["fingerprint"]]
    return AddCertificate(certificate="CERT", private_key="KEY", names=names, kind=KeyKind.ECDSA, **{**said, "for_backends": said["for_backends"] or not names})


def replacement(**said: Any) -> ReplaceCertificate:
    """The same, in the place of another."""
    return ReplaceCertificate(certificate="CERT", private_key="KEY", names=NAMES[said["replacement"]], **said)


rarely = st.sampled_from([False, False, False, True])
chains: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), (), ("MIDDLE",)])
# Each of the three says for whom it is in one way: random fields of one order would mostly contradict each other.
certificates = [
    st.builds(certificate, fingerprint=fingerprints, for_backends=st.just(False), listener=places, chain=chains),
    st.builds(certificate, fingerprint=fingerprints, for_backends=st.just(False), listeners=st.sampled_from([(HTTPS,), (OTHER,), (HTTPS, OTHER)]), force=rarely),
    st.builds(certificate, fingerprint=fingerprints, for_backends=st.just(True), force=rarely),
]
frontends = st.builds(
    AddHttpFrontend,
    cluster=clusters,
    hostname=hostnames,
    listener=places,
    certificate=pins,
    path=st.sampled_from([None, "/api"]),
    forward_auth=st.sampled_from([None, None, ForwardAuth(cluster="b")]),
    rate=st.sampled_from([None, None, Rate(requests=1)]),
    deny_from=networks,
)
_more: list[dict[str, Any]] = [
    *({"hostname_regex": "x.*"}, {"hostname": "x.y", "path_exact": "/"}, {"hostname": "x.y", "path_regex": "/.*"}),
    *({"hostname": "x.y", "methods": ("GET",)}, {"hostname": "x.y", "headers": (Match(name="x"),)}, {"hostname": "x.y", "position": Position.PRE}),
    *({"hostname": "x.y", "passthrough": True}, {"hostname": "a.x.y", "passthrough": True}),
]


def _named(kind: Callable[..., AnyOrder], cluster: str, listener: str | None, certificate: str | None, said: dict[str, Any]) -> AnyOrder:
    return kind(cluster=cluster, listener=listener, certificate=certificate, **said)


added, removed = st.just(AddHttpFrontend), st.just(RemoveHttpFrontend)
# What is most entangled is tried most often: which certificate is where, and who is pinned to it.
entangled: st.SearchStrategy[AnyOrder] = st.one_of(
    *certificates,
    st.builds(replacement, fingerprint=fingerprints, replacement=fingerprints, for_backends=rarely, force=flags),
    st.builds(RemoveCertificate, fingerprint=fingerprints, force=flags),
    frontends,
    st.builds(AddListener, protocol=protocols, address=addresses),
)
everything_else: st.SearchStrategy[AnyOrder] = st.one_of(
    st.builds(_named, added, clusters, places, pins, st.sampled_from(_more)),
    st.builds(_named, added, clusters, places, st.none(), st.sampled_from([{"hostname": "x.y", "redirect": Redirect(to="/")}, {"hostname": "*", "deny": 403}])),
    st.builds(_named, removed, clusters, places, pins, st.sampled_from([{"hostname": "x.y"}, {"hostname": "*.x.y"}, *_more])),
    st.builds(AddTcpFrontend, cluster=clusters, listener=addresses, hostname=st.sampled_from(["", "", "x.y"])),
    st.builds(RemoveTcpFrontend, cluster=clusters, listener=addresses, hostname=st.sampled_from(["", "", "x.y"])),
    st.builds(
        AddListener,
        protocol=protocols,
        address=addresses,
        cluster=st.sampled_from([None, None, "a", "gone"]),
        answers=answers,
        tls=terms,
        proxy_from=networks,
    ),
    st.builds(AddListener, protocol=protocols, address=addresses, trusted=networks, active=flags),
    st.builds(UpdateListener, protocol=protocols, address=addresses, cluster=st.sampled_from([None, "b"]), trusted=networks),
    st.builds(UpdateListener, protocol=protocols, address=addresses, answers=answers, tls=terms),
    st.builds(ActivateListener, protocol=protocols, address=addresses),
    st.builds(DeactivateListener, protocol=protocols, address=addresses),
    st.builds(RemoveListener, protocol=protocols, address=addresses),
    st.builds(AddCluster, cluster=clusters, tls=st.builds(BackendTls, certificate=st.sampled_from([None, A, B, D]))),
    st.builds(
        AddCluster,
        cluster=clusters,
        split=st.sampled_from([(), (Share(cluster="b", share=0.4), Share(cluster="c", share=99.4), Share(cluster="d", share=0.2))]),
        load_balancing=st.sampled_from(LoadBalancing),
        slow_start=st.sampled_from([None, 1.0]),
        answers=answers,
        health=st.sampled_from([None, Health()]),
    ),
    st.builds(RemoveCluster, cluster=clusters),
    st.builds(AddBackend, cluster=clusters, address=addresses, weight=st.integers(0, 1)),
    st.builds(RemoveBackend, cluster=clusters, address=addresses),
    st.builds(UpdateSettings, workers=st.sampled_from([None, 2]), log_level=st.sampled_from([None, LogLevel.DEBUG])),
    st.builds(UpdateSettings, timeouts=st.sampled_from([None, Timeouts(back=5)])),
)
orders: st.SearchStrategy[AnyOrder] = st.booleans().flatmap(lambda often: entangled if often else everything_else)
transactions = st.lists(orders, min_size=1, max_size=3)
START: list[AnyOrder] = [
    AddCluster(cluster="a"),
    *(AddListener(protocol=Protocol.HTTPS, address=address) for address in (HTTPS, OTHER)),
    AddListener(protocol=Protocol.TCP, address=ANOTHER, cluster="gone"),
    certificate(fingerprint=A, for_backends=False),
    certificate(fingerprint=B, for_backends=False, listeners=(OTHER,)),
    certificate(fingerprint=C, for_backends=False, listeners=(HTTPS,)),
    certificate(fingerprint=D, for_backends=True),
    AddCluster(cluster="b", tls=BackendTls(certificate=D)),
    *(AddHttpFrontend(cluster="a", hostname="x.y", listener=listener, certificate=pin) for listener, pin in ((None, A), (OTHER, B), (HTTPS, C))),
]


def reached(history: Iterable[Iterable[AnyOrder]]) -> list[ConfigState]:
    """The states behind these transactions, those that are refused left out."""
    states = [commit(ConfigState(), START).state]
    for transaction in history:
        try:
            states.append(commit(states[-1], transaction).state)
        except Refused:
            continue
    return states
