from pathlib import Path

import pytest

from sozu.command.certificates.terms import BackendTls
from sozu.command.commit import Refused, commit
from sozu.command.config import ConfigurationError
from sozu.command.config.loading import read_configuration
from sozu.command.config.schema import Entry
from sozu.command.facts import Protocol
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    RemoveBackend,
    RemoveCertificate,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
)
from sozu.command.requests import BadRequest, read_request
from sozu.command.rules.codes import explanation, known_codes
from sozu.command.state import ConfigState

LISTENER = AddListener(protocol=Protocol.HTTP, address="127.0.0.1:80")
HERE = Path(__file__).parent / "configurations"


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        ([AddBackend(cluster="nobody", address="127.0.0.1:1")], "unknown-cluster"),
        ([AddCluster(cluster="a"), AddBackend(cluster="a", address="somewhere")], "bad-address"),
        ([AddCluster(cluster="a"), AddBackend(cluster="a", address="127.0.0.1:1", weight=-1)], "bad-weight"),
        ([AddCluster(cluster="a"), AddHttpFrontend(cluster="a", hostname="a", methods=("get",))], "bad-methods"),
        ([AddCluster(cluster="a"), AddHttpFrontend(cluster="a", hostname="a", listener="127.0.0.1:81")], "unknown-listener"),
        (
            [
                *(LISTENER, AddCluster(cluster="a"), AddHttpFrontend(cluster="a", hostname="a", listener="127.0.0.1:80")),
                RemoveListener(protocol=Protocol.HTTP, address="127.0.0.1:80"),
            ],
            "still-needed",
        ),
    ],
)
def test_an_order_that_is_refused_has_a_code(orders: list[AnyOrder], code: str) -> None:
    with pytest.raises(Refused) as refused:
        commit(ConfigState(), orders)

    assert refused.value.code == code
    assert explanation(code)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"hello", "not-a-request"),
        (b'{"id":"1","type":"statsu"}', "unknown-verb"),
        (b'{"id":"1","type":"status","verbose":true}', "unknown-key"),
        (b'{"id":"1","type":"add_cluster","cluster":5}', "wrong-kind"),
        (b'{"id":"1","type":"add_cluster"}', "wrong-kind"),
    ],
)
def test_what_is_no_request_has_a_code(message: bytes, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_request(message)

    assert refused.value.code == code


@pytest.mark.parametrize("file", sorted(HERE.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_error_of_a_file_has_a_code(file: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(file.read_text("utf-8"), file.name, Path("/etc/sozu"))

    codes = [problem.code for problem in refused.value.problems]
    assert [code for code in codes if not explanation(code)] == []


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (RemoveCertificate(fingerprint="a" * 64), "unknown-fingerprint"),
        (AddHttpFrontend(cluster="a", hostname="a", certificate="a" * 64), "unknown-certificate"),
        (AddCluster(cluster="b", tls=BackendTls(certificate="a" * 64)), "unknown-tls"),
        (AddHttpFrontend(cluster="a", hostname="a", listener="127.0.0.1:81"), "unknown-listener"),
        (RemoveHttpFrontend(cluster="a", hostname="a"), "unknown-hostname"),
        (RemoveBackend(cluster="a", address="127.0.0.1:1"), "unknown-address"),
        (RemoveCluster(cluster="b"), "unknown-cluster"),
    ],
)
def test_a_code_of_what_is_not_there_is_suggested(order: AnyOrder, code: str) -> None:
    with pytest.raises(Refused) as refused:
        commit(ConfigState(), [AddCluster(cluster="a"), order])

    assert refused.value.code == code
    assert code in known_codes()


def test_every_code_is_explained() -> None:
    assert [code for code in known_codes() if not explanation(code)] == []
    keys = {key.replace("_", "-") for entry in Entry.__subclasses__() for key in entry.__struct_encode_fields__}
    assert [key for key in keys if not explanation(f"bad-{key}")] == []
    assert explanation("bad-luck") is None
    assert explanation("unknown") is None
