"""docs/command_protocol.md shows a sample of each message: here they are read by the code that would read them."""

from pathlib import Path
import re
from typing import Any, get_args

import msgspec
import pytest

from sozu.command.answers import Answer
from sozu.command.certificates.admitting import admit
from sozu.command.commit import commit
from sozu.command.facts import Protocol
from sozu.command.journal import Record
from sozu.command.orders import (
    AddBackend,
    AddCertificate,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    ReplaceCertificate,
)
from sozu.command.requests import VERBS, BadRequest, read_request
from sozu.command.state import ConfigState
from sozu.command.worker_protocol import FromMaster, FromWorker
from tests.command.certificates.authority import NOW, Authority, ecdsa, key_pem

PAGE = (Path(__file__).parents[2] / "docs" / "command_protocol.md").read_text("utf-8")


def samples(language: str) -> list[str]:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


HELD = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
REFUSED = samples("refused")
PAIRS = list(zip(REFUSED[::2], REFUSED[1::2], strict=True))


def tags(union: object) -> set[str]:
    return {str(kind.__struct_config__.tag) for kind in get_args(union)}


@pytest.mark.parametrize("sample", samples("json"))
def test_a_sample_of_a_request_is_read(sample: str) -> None:
    assert read_request(sample.encode()).id


def test_every_request_has_a_sample() -> None:
    assert {msgspec.json.decode(sample)["type"] for sample in samples("json")} == set(VERBS)


@pytest.mark.parametrize("sample", samples("answers"))
def test_a_sample_of_an_answer_has_the_fields_of_an_answer(sample: str) -> None:
    assert set(msgspec.json.decode(sample)) <= set(Answer.__struct_fields__)
    assert msgspec.json.decode(sample, type=Answer).id


@pytest.mark.parametrize(("request_sent", "refusal"), PAIRS)
def test_a_sample_of_a_refusal_is_what_the_door_says(request_sent: str, refusal: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_request(request_sent.encode())

    assert refused.value.message == refusal


@pytest.mark.parametrize("sample", samples("journal"))
def test_a_sample_of_the_journal_is_a_record(sample: str) -> None:
    assert msgspec.json.decode(sample, type=Record).revision == 12


@pytest.mark.parametrize(("language", "union"), [("worker", FromWorker), ("master", FromMaster)])
def test_every_message_of_a_channel_has_a_sample(language: str, union: Any) -> None:
    messages = [msgspec.json.decode(sample, type=union) for sample in samples(language)]

    assert [str(message.__struct_config__.tag) for message in messages] == [
        str(kind.__struct_config__.tag) for kind in get_args(union)
    ]


@pytest.fixture
def state() -> ConfigState:
    """Where every order of the samples has something to do."""
    orders: list[AnyOrder] = [
        AddListener(protocol=Protocol.HTTP, address="127.0.0.1:8080"),
        AddListener(protocol=Protocol.HTTP, address="127.0.0.1:8081"),
        AddListener(protocol=Protocol.HTTPS, address="127.0.0.1:8443"),
        AddCertificate(certificate="", private_key="", fingerprint=HELD),
        AddCluster(cluster="blog"),
        AddCluster(cluster="pg"),
        AddListener(protocol=Protocol.TCP, address="127.0.0.1:5432", cluster="pg"),
        AddHttpFrontend(cluster="blog", hostname="*.blog.example.com", path="/api"),
        AddBackend(cluster="blog", address="127.0.0.1:9001"),
    ]
    return commit(ConfigState(), orders).state


@pytest.mark.parametrize("sample", [sample for sample in samples("json") if msgspec.json.decode(sample)["type"] in tags(AnyOrder)])
def test_a_sample_of_an_order_can_be_committed(state: ConfigState, sample: str) -> None:
    order = msgspec.json.decode(sample, type=AnyOrder)
    if isinstance(order, AddCertificate | ReplaceCertificate):
        key = ecdsa()
        order = msgspec.structs.replace(order, certificate=Authority("Root").issue(key, "blog.example.com"), private_key=key_pem(key))

    assert commit(state, admit([order], NOW.timestamp())).revision == 2
