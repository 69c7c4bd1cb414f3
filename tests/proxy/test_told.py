"""Who a request's client is when a trusted proxy brings it."""

from collections.abc import Iterator
from itertools import count

import pytest

from sozu.command.edits.facts import Rate
from sozu.command.edits.networks import Networks
from sozu.command.facts import Cluster, Frontend
from sozu.parsers.result import Done
from sozu.proxy.forwarding import told_scheme
from sozu.proxy.heads import TRUSTING_VIEW
from sozu.proxy.proxied.told import told_client
from sozu.proxy.stream import Stream
from sozu.proxy.worker.ways import begin
from tests.proxy.lab import Lab, Peer, field, opened, pair, settle

PROXY = b"10.0.0.1:4711"
BELIEVED = Networks(("10.0.0.0/8", "2001:db8:1::/48"))
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"
NUMBERS = count(1)


def head(*fields: str) -> bytes:
    return "\r\n".join(["GET / HTTP/1.1", "Host: a", *fields, "", ""]).encode()


@pytest.mark.parametrize(
    ("fields", "client"),
    [
        ([], "10.0.0.1:4711"),
        (["X-Forwarded-For: 192.0.2.7"], "192.0.2.7:0"),
        (["X-Forwarded-For: 192.0.2.7:99"], "192.0.2.7:99"),
        (["X-Forwarded-For: 1.1.1.1, 192.0.2.7"], "192.0.2.7:0"),
        (["X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.2.3.4"], "192.0.2.7:0"),
        (["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 192.0.2.7, 10.2.3.4,10.0.0.9"], "192.0.2.7:0"),
        (["X-Forwarded-For: 10.9.9.9, 10.2.3.4"], "10.9.9.9:0"),
        (["X-Forwarded-For: 2001:db8::7"], "[2001:db8::7]:0"),
        (["X-Forwarded-For: [2001:db8::7]:99, 2001:db8:1::1"], "[2001:db8::7]:99"),
        (["X-Forwarded-For: 192.0.2.7, unknown"], "10.0.0.1:4711"),
        (["X-Forwarded-For: 192.0.2.7, nonsense, 10.2.3.4"], "10.2.3.4:0"),
        (["X-Forwarded-For: 192.0.2.7, 300.1.1.1"], "10.0.0.1:4711"),
        (["X-Forwarded-For: "], "10.0.0.1:4711"),
        (["Forwarded: for=1.1.1.1, for=192.0.2.7;proto=https"], "192.0.2.7:0"),
        (['Forwarded: for="[2001:db8::7]:47"'], "[2001:db8::7]:47"),
        (["Forwarded: for=192.0.2.7, proto=https"], "10.0.0.1:4711"),
        (["Forwarded: for=192.0.2.7, for=_hidden"], "10.0.0.1:4711"),
        (["Forwarded: for=1.1.1.1", "X-Forwarded-For: 192.0.2.7"], "192.0.2.7:0"),
    ],
)
def test_it_is_the_last_one_that_a_trusted_proxy_names_and_that_is_none_itself(fields: list[str], client: str) -> None:
    outcome = TRUSTING_VIEW.fused(head(*fields))
    assert isinstance(outcome, Done)
    assert told_client(outcome.value, PROXY, BELIEVED) == client.encode()


@pytest.mark.parametrize(
    ("fields", "scheme"),
    [
        ([], b"http"),
        (["X-Forwarded-Proto: https"], b"https"),
        (["X-Forwarded-Proto: HTTPS"], b"https"),
        (["X-Forwarded-Proto: https, http"], b"http"),
        (["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], b"http"),
        (["X-Forwarded-Proto: wss"], b"http"),
    ],
)
def test_a_scheme_is_believed_if_it_is_one_and_the_only_one(fields: list[str], scheme: bytes) -> None:
    outcome = TRUSTING_VIEW.fused(head(*fields))
    assert isinstance(outcome, Done)
    assert told_scheme(outcome.value, b"http") == scheme


@pytest.fixture
def lab() -> Iterator[Lab]:
    with opened(Lab()) as lab:
        yield lab


def trusted_proxy(lab: Lab, data: bytes) -> Peer:
    sock, peer = pair()
    lab.traffic.counters.connections_open += 1
    begin(lab.traffic, Stream(sock, lab.traffic.hub), PROXY, "127.0.0.1:8080", next(NUMBERS), believed=BELIEVED)
    lab.peers.append(peer)
    peer.send(data)
    return peer


def test_each_request_of_a_connection_has_its_client_in_the_log_and_the_proxy_in_its_lines(lab: Lab) -> None:
    proxy = trusted_proxy(lab, b"")
    origin = None
    for client in ("192.0.2.7", "192.0.2.8"):
        proxy.send(head(f"X-Forwarded-For: {client}"))
        origin = origin or lab.origin()
        arrived = origin.head()
        assert arrived.index(client.encode()) < arrived.index(b"X-Forwarded-For: 10.0.0.1")
        origin.send(OK)
        proxy.answer()
    proxy.send(head())
    assert origin is not None
    assert field(origin.head(), b"x-forwarded-for") == b"10.0.0.1"
    origin.send(OK)
    proxy.answer()
    settle()
    assert [entry.client for entry in lab.log.entries] == [b"192.0.2.7:0", b"192.0.2.8:0", PROXY]


def test_a_head_that_drips_has_its_client_too(lab: Lab) -> None:
    whole = head("X-Forwarded-For: 192.0.2.7")
    proxy = trusted_proxy(lab, whole[:20])
    settle()
    proxy.send(whole[20:])
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    proxy.answer()
    assert lab.entry().client == b"192.0.2.7:0"


def test_the_proxy_itself_is_the_client_of_what_is_no_request(lab: Lab) -> None:
    proxy = trusted_proxy(lab, b"")
    proxy.send(b"nonsense\r\n\r\n")
    assert proxy.answer()[0].startswith(b"HTTP/1.1 400")
    assert lab.entry().client == PROXY


def test_rates_lists_and_guests_mean_the_client_and_not_the_proxy(lab: Lab) -> None:
    lab.change(Frontend(cluster="c", hostname="a", rate=Rate(requests=1, seconds=60), deny_from=("192.0.2.9",)))
    answers = list[bytes]()
    proxy, origin = trusted_proxy(lab, b""), None
    for client in ("192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.9"):
        proxy.send(head(f"X-Forwarded-For: {client}"))
        settle()
        if client != "192.0.2.9" and len(answers) < 2:
            origin = origin or lab.origin()
            origin.head()
            origin.send(OK)
        answers.append(proxy.answer()[0][9:12])
    assert answers == [b"200", b"200", b"429", b"403"]


def test_who_has_too_many_exchanges_is_the_client(lab: Lab) -> None:
    lab.change(Cluster(cluster="c", max_per_client=1))
    first = trusted_proxy(lab, head("X-Forwarded-For: 192.0.2.7"))
    origin = lab.origin()
    origin.head()
    assert trusted_proxy(lab, head("X-Forwarded-For: 192.0.2.7")).answer()[0].startswith(b"HTTP/1.1 429")
    trusted_proxy(lab, head("X-Forwarded-For: 192.0.2.8"))
    assert lab.origin().head()
    origin.send(OK)
    first.answer()
