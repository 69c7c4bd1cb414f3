"""A certificate that a configuration file has backends be shown."""

from pathlib import Path

import msgspec
import pytest

from sozu.command.certificates.terms import BackendTls
from sozu.command.commit import commit
from sozu.command.config import ConfigurationError
from sozu.command.config.loading import read_configuration
from sozu.command.orders import WITHHELD
from sozu.command.state import ConfigState, orders_of, same_facts
from tests.command.certificates.authority import Authority, ecdsa, key_pem

HTTPS = "127.0.0.1:8443"
FILE = """
command_socket: s
listeners: [{{protocol: https, address: "{0}"{1}}}]
clusters:
  a: {{frontends: [{{hostname: x.example{2}}}]}}
  b: {{tls: {{certificate: c.pem, key: c.key}}}}
  c: {{tls: {{certificate: c.pem, key: c.key}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key = ecdsa()
    (tmp_path / "c.pem").write_text(Authority("Root").issue(key, "x.example"))
    (tmp_path / "c.key").write_text(key_pem(key))
    return tmp_path


def test_one_that_a_listener_serves_is_served_still(folder: Path) -> None:
    text = FILE.format(HTTPS, ", certificates: [{certificate: c.pem, key: c.key}]", "")
    state = read_configuration(text, "sozu.yaml", folder).state

    (certificate,) = state.certificates.values()
    assert certificate.listeners == (HTTPS,)
    assert {state.clusters[name].tls for name in "bc"} == {BackendTls(certificate=certificate.fingerprint)}
    assert same_facts(commit(ConfigState(), orders_of(state)).state, state)


def test_one_that_no_listener_serves_is_for_backends(folder: Path) -> None:
    (certificate,) = read_configuration(FILE.format(HTTPS, "", ""), "sozu.yaml", folder).state.certificates.values()

    assert certificate.for_backends


def test_a_frontend_cannot_be_pinned_to_what_the_file_has_for_backends_alone(folder: Path) -> None:
    (certificate,) = read_configuration(FILE.format(HTTPS, "", ""), "sozu.yaml", folder).state.certificates.values()
    held = msgspec.structs.replace(certificate, private_key=WITHHELD, for_backends=False)
    pinned = FILE.format(HTTPS, "", f", certificate: {certificate.fingerprint}")

    with pytest.raises(ConfigurationError) as refused:
        read_configuration(pinned, "sozu.yaml", folder, [held])

    assert "a frontend is pinned to this certificate, and no listener of the file has it" in str(refused.value)
