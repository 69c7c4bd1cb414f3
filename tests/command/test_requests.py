import json

from hypothesis import given
from hypothesis import strategies as st
import msgspec
import pytest

from sozu.command.facts import Timeouts
from sozu.command.orders import AddBackend, AddCertificate, AddCluster, AnyOrder, RemoveBackend, ReplaceCertificate
from sozu.command.requests import (
    VERBS,
    AnyRequest,
    BadRequest,
    Collect,
    Commit,
    Envelope,
    HardStop,
    SoftStop,
    Status,
    read_request,
)


@pytest.mark.parametrize(
    ("payload", "request_read"),
    [
        (b'{"id":"1","type":"status"}', Status()),
        (b'{"type":"hard_stop","id":"1"}', HardStop()),
        (b'{"id":"1","type":"soft_stop"}', SoftStop(grace=10)),
        (b'{"id":"1","type":"soft_stop","grace":0.5}', SoftStop(grace=0.5)),
        (b'{"id":"1","type":"commit","if_revision":7}', Commit(if_revision=7)),
        (b'{"id":"1","type":"commit","if_revision":null}', Commit()),
        (b'{"id":"1","type":"remove_backend","cluster":"a","address":"x","wait":true}', RemoveBackend(cluster="a", address="x", wait=True)),
        (b'{"id":"1","type":"add_cluster","cluster":"a","timeouts":{"back":5}}', AddCluster(cluster="a", timeouts=Timeouts(back=5))),
    ],
)
def test_a_request_is_read_with_its_id(payload: bytes, request_read: AnyOrder | AnyRequest) -> None:
    assert read_request(payload) == Envelope("1", request_read)


@pytest.mark.parametrize(("chain", "texts"), [('"A"', ("A",)), ('["A","B"]', ("A", "B")), ('""', ()), ("[]", ())])
def test_the_rest_of_a_chain_is_one_text_or_a_list_of_them(chain: str, texts: tuple[str, ...]) -> None:
    given = f'"certificate":"C","key":"K","chain":{chain}'.encode()

    added = read_request(b'{"id":"1","type":"add_certificate",' + given + b"}").request
    replaced = read_request(b'{"id":"1","type":"replace_certificate","fingerprint":"F",' + given + b"}").request

    assert added == AddCertificate(certificate="C", private_key="K", chain=texts)
    assert replaced == ReplaceCertificate(fingerprint="F", certificate="C", private_key="K", chain=texts)


SOME = b'{"id":"1","type":"collect","orders":[{"type":"add_cluster","cluster":"a","timeouts":{"back":5.0}},{"type":"add_backend","cluster":"a","address":"x","weight":7}]}'


def test_many_orders_are_read_alike_however_they_are_spelled() -> None:
    spaced = json.dumps(json.loads(SOME), indent=1).encode()

    assert read_request(SOME) == read_request(spaced)
    assert read_request(SOME).request == Collect(orders=(AddCluster(cluster="a", timeouts=Timeouts(back=5)), AddBackend(cluster="a", address="x", weight=7)))


@pytest.mark.parametrize(
    ("good", "bad", "why"),
    [
        (b'"weight"', b'"wieght"', 'did you mean "weight"'),
        (b'"back"', b'"bakc"', 'did you mean "back"'),
        (b'"weight":7', b'"weight":7,"weight":8', "given twice"),
        (b'"weight":7', b'"weight":"7"', "weight"),
        (b'"orders"', b'"more":1,"orders"', "more"),
        (b'"address":"x",', b"", "address is missing"),
        (b'"id":"1"', b'"id":""', "id:"),
    ],
)
def test_what_is_wrong_among_many_orders_is_named(good: bytes, bad: bytes, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        read_request(SOME.replace(good, bad, 1))


def test_the_id_of_a_backend_is_not_the_id_of_the_request() -> None:
    order = AddBackend(cluster="a", address="x", id="b1")

    assert read_request(b'{"id":"7",' + msgspec.json.encode(order)[1:]) == Envelope("7", order)


@pytest.mark.parametrize(
    ("payload", "known_id", "message"),
    [
        (b"", None, "not JSON"),
        (b"status", None, "not JSON"),
        (b'{"id":"1"', None, "not JSON"),
        (b'"\xff"', None, "not JSON"),
        (b"[" * 100_000, None, "not JSON"),
        (b"[]", None, 'a request is an object: {"id": "1", "type": "status"}'),
        (b'{"type":"status"}', None, "id: a text of 1 to 256 characters"),
        (b'{"id":1,"type":"status"}', None, "id: a text"),
        (b'{"id":"","type":"status"}', None, "id: a text"),
        (b'{"id":"' + b"x" * 257 + b'","type":"status"}', None, "id: a text"),
        (b'{"id":"1"}', "1", "the verb of the request is missing"),
        (b'{"id":"1","type":5}', "1", "the verb of the request is missing"),
        (b'{"id":"1","type":"statsu"}', "1", 'unknown verb "statsu"; did you mean "status"?'),
        (b'{"id":"1","type":"add_certificates"}', "1", 'unknown verb "add_certificates"'),
        (
            b'{"id":"1","type":"add_backend","cluster":"a","address":"x","weigth":5}',
            "1",
            'add_backend: weigth: unknown key (expected one of cluster, address, backend_id, weight, backup, maintenance); did you mean "weight"?',
        ),
        (b'{"id":"1","type":"add_backend","address":5}', "1", "address: found the number 5 (expected a text); cluster is missing"),
        (b'{"id":"1","type":"begin","verbose":true}', "1", "begin: verbose: unknown key (expected no keys here)"),
        (b'{"id":"1","type":"add_cluster","cluster":"a","timeouts":{"bakc":1}}', "1", 'did you mean "back"?'),
    ],
)
def test_what_is_no_request_is_refused_with_what_would_be_one(payload: bytes, known_id: str | None, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_request(payload)

    assert refused.value.id == known_id
    assert message in refused.value.message


def read_or_refuse(payload: bytes) -> Envelope | BadRequest:
    try:
        return read_request(payload)
    except BadRequest as refused:
        return refused


@given(st.sampled_from(sorted(VERBS)), st.dictionaries(st.text(max_size=10), st.none() | st.integers() | st.text(), max_size=4))
def test_any_object_is_a_request_or_refused(verb: str, fields: dict[str, object]) -> None:
    outcome = read_or_refuse(json.dumps({**fields, "id": "1", "type": verb}).encode())

    assert outcome.id == "1"
    assert isinstance(outcome, BadRequest) or isinstance(outcome.request, VERBS[verb])


@given(st.binary(max_size=60))
def test_any_bytes_are_a_request_or_refused(payload: bytes) -> None:
    assert isinstance(read_or_refuse(payload), Envelope | BadRequest)


@pytest.mark.parametrize(
    ("payload", "id_known", "key"),
    [
        (b'{"id":"1","type":"add_cluster","cluster":"a","cluster":"b"}', "1", "cluster"),
        (b'{"id":"1","type":"add_cluster","cluster":"a","timeouts":{"back":5,"back":6}}', "1", "back"),
        (b'{"id":"1","type":"collect","orders":[{"type":"add_cluster","cluster":"a","cluster":"a"}]}', "1", "cluster"),
        (b'{"id":"1","id":"2","type":"status"}', None, "id"),
        (b'{"id":"1","type":"status","typ\\u0065":"hard_stop"}', "1", "type"),
    ],
)
def test_a_key_that_stands_twice_is_refused(payload: bytes, id_known: str | None, key: str) -> None:
    with pytest.raises(BadRequest, match=f'the key "{key}" is given twice') as caught:
        read_request(payload)
    assert (caught.value.id, caught.value.code) == (id_known, "said-twice")


def test_numbers_that_are_too_long_and_nests_that_are_too_deep_are_refused_in_words() -> None:
    for value in (b"9" * 5000, b"[" * 2000 + b"]" * 2000):
        with pytest.raises(BadRequest):
            read_request(b'{"id":"1","type":"add_cluster","cluster":%b}' % value)
