"""Certificates that a configuration file names in several places."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from sozu.command.certificates.terms import BackendTls
from sozu.command.commit import commit
from sozu.command.config import Configuration, ConfigurationError, written
from sozu.command.config.loading import read_configuration
from sozu.command.config.writing import file_names
from sozu.command.facts import Certificate, Protocol
from sozu.command.orders import AddCluster, AddListener
from sozu.command.settings import Settings
from sozu.command.state import ConfigState, addition, same_facts

LISTENER = '{{protocol: https, address: "127.0.0.1:{port}", certificates: [{{certificate: proxy.pem, key: proxy.key}}]}}'
CLUSTER = "{tls: {certificate: proxy.pem, key: proxy.key}}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    issued = trustme.CA().issue_cert("proxy.example")
    issued.cert_chain_pems[0].write_to_path(folder / "proxy.pem")
    issued.private_key_pem.write_to_path(folder / "proxy.key")
    return folder


def read(folder: Path, listeners: str = "", clusters: str = "", held: Any = ()) -> ConfigState:
    return read_configuration(f"listeners: [{listeners}]\nclusters: {{{clusters}}}\n", "f.yaml", folder, held).state


def only(state: ConfigState) -> Certificate:
    (certificate,) = state.certificates.values()
    return certificate


def test_what_a_listener_serves_may_be_shown_to_backends_too(folder: Path) -> None:
    state = read(folder, LISTENER.format(port=8443), f"a: {CLUSTER}, b: {CLUSTER}")

    assert (only(state).listeners, only(state).for_backends) == (("127.0.0.1:8443",), False)
    assert {cluster.tls for cluster in state.clusters.values()} == {BackendTls(certificate=only(state).fingerprint)}


def test_several_clusters_may_show_one_and_several_listeners_serve_it(folder: Path) -> None:
    shown = read(folder, "", f"a: {CLUSTER}, b: {CLUSTER}")
    assert only(shown).for_backends

    served = read(folder, f"{LISTENER.format(port=8443)}, {LISTENER.format(port=9443)}")
    assert only(served).listeners == ("127.0.0.1:8443", "127.0.0.1:9443")


def test_one_that_a_listener_has_twice_is_said_twice(folder: Path) -> None:
    twice = LISTENER.format(port=8443).replace("[{", "[{certificate: proxy.pem, key: proxy.key}, {")
    with pytest.raises(ConfigurationError, match=r"f\.yaml:1:\d+: error: the file has this already, further up \[said-twice\]"):
        read(folder, twice)


def test_what_the_file_names_with_its_key_becomes_a_part_of_it_though_it_is_held(folder: Path) -> None:
    certificate = only(read(folder, "", f"a: {CLUSTER}"))
    bare = Certificate(fingerprint=certificate.fingerprint, certificate=certificate.certificate, private_key="", names=certificate.names)

    assert only(read(folder, "", f"a: {CLUSTER}, b: {CLUSTER}", [bare])) == certificate


@pytest.mark.parametrize("listeners", [(), (AddListener(protocol=Protocol.HTTPS, address="127.0.0.1:8443"),)])
@pytest.mark.parametrize("for_backends", [True, False])
def test_a_file_with_keys_is_read_back_whoever_shows_the_certificate(
    folder: Path, tmp_path: Path, listeners: tuple[AddListener, ...], *, for_backends: bool
) -> None:
    text = Path(folder, "proxy.pem").read_text(), Path(folder, "proxy.key").read_text()
    certificate = only(read(folder, "", f"a: {CLUSTER}"))
    if not for_backends:
        places = tuple(each.address for each in listeners)
        certificate = only(read(folder, LISTENER.format(port=8443))) if places else Certificate(
            fingerprint=certificate.fingerprint, certificate=text[0], private_key=text[1], names=certificate.names
        )
    terms = BackendTls(certificate=certificate.fingerprint)
    state = commit(ConfigState(), [*listeners, addition(certificate), AddCluster(cluster="a", tls=terms), AddCluster(cluster="b", tls=terms)]).state
    for name, pem in zip(file_names(certificate.fingerprint), (certificate.certificate, certificate.private_key), strict=True):
        (tmp_path / name).write_text(pem)

    again = read_configuration(written(Configuration(Settings(command_socket="/s", journal="/j"), state), str(tmp_path)), "f.yaml", Path("/")).state
    assert again.clusters == state.clusters
    assert again.listeners == state.listeners
    assert same_facts(again, state) or not (listeners or for_backends), "one that is served nowhere can be named only where it is shown"
