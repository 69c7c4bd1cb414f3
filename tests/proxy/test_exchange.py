from collections.abc import Iterator
import gc
import socket

import pytest

from sozu.command.facts import Backend, Cluster, Frontend, Timeouts
from sozu.proxy.back import Back
from sozu.proxy.deadlines import Late
from sozu.proxy.exchange import Exchange
from sozu.proxy.session import Session
from sozu.proxy.stream import Stream
from sozu.proxy.upload import Upload
from tests.proxy.lab import Lab, Peer, client_over_tcp, field, names, opened, settle

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def two() -> Iterator[Lab]:
    with opened(Lab(("10.0.0.1:80", "10.0.0.2:80"))) as lab:
        yield lab


# ---- the plain way ----


def test_a_request_reaches_the_backend_and_its_answer_the_client(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    head = origin.head()
    assert head.startswith(b"GET / HTTP/1.1\r\nHost: a.example\r\n")
    origin.send(OK)
    answer, body = client.answer()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"ok"
    assert field(answer, b"sozu-id") == field(head, b"sozu-id")


def test_the_backend_is_told_who_asked_and_not_what_the_client_says_about_it(lab: Lab) -> None:
    lies = b"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-Proto: https\r\nSozu-Id: mine\r\n"
    lab.client(b"GET / HTTP/1.1\r\nHost: a\r\n" + lies + b"\r\n")
    head = lab.origin().head()
    assert field(head, b"x-forwarded-for") == b"192.0.2.1"
    assert field(head, b"x-forwarded-proto") == b"http"
    assert field(head, b"x-forwarded-port") == b"8080"
    assert field(head, b"forwarded") == b'proto=http;for="192.0.2.1:4711";by="127.0.0.1:8080"'
    assert field(head, b"sozu-id") != b"mine"


def test_both_connections_are_used_again(lab: Lab) -> None:
    client = lab.client()
    origin = None
    for _ in range(3):
        client.send(GET)
        origin = origin or lab.origin()
        origin.head()
        origin.send(OK)
        client.answer()
    assert lab.no_origin()
    assert lab.traffic.counters.requests == 3


def test_an_idle_connection_owns_no_greenlet(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    client.answer()
    settle()
    assert lab.session()._greenlet is None


def test_pipelined_requests_are_answered_in_order(lab: Lab) -> None:
    client = lab.client(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(3)))
    origin = lab.origin()
    for number in range(3):
        assert origin.head().startswith(b"GET /%d " % number)
        origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
    assert [client.answer()[1] for _ in range(3)] == [b"0", b"1", b"2"]


def test_what_follows_a_head_request_and_is_none_is_refused_with_a_body(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET.replace(b"GET", b"HEAD") + b"nonsense\r\n\r\n")
    origin.send(OK[:-2])
    client.head()
    head, body = client.answer()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body
    assert client.rest() == b""


def test_a_session_that_waits_for_the_rest_of_a_head_answers_no_request(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET + GET[:8])
    origin.send(OK)
    client.answer()
    settle()
    assert lab.session().request is None


def test_a_head_that_drips_in_is_served(lab: Lab) -> None:
    client = lab.client()
    for byte in GET:
        client.send(bytes((byte,)))
        settle()
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_a_response_that_drips_in_is_passed_on(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    for byte in OK:
        origin.send(bytes((byte,)))
        settle()
    assert client.answer()[1] == b"ok"


def test_a_half_closed_client_still_gets_its_answer(lab: Lab) -> None:
    client = lab.client(GET)
    client.end()
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    assert client.answer()[1] == b"ok"
    assert client.rest() == b""


def test_a_request_is_recorded(lab: Lab) -> None:
    client = lab.client(b"GET /path?q HTTP/1.1\r\nHost: a.example:81\r\nUser-Agent: test\r\n\r\n")
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    head, body = client.answer()
    record = lab.entry()
    assert (record.texts.method, record.texts.authority, record.texts.path) == (b"GET", b"a.example:81", b"/path?q")
    assert (record.status, record.cluster, record.backend) == (200, "c", "10.0.0.1:80")
    assert (record.texts.user_agent, record.retries, record.ended) == (b"test", 0, None)
    assert record.bytes_out == len(head) + len(body)
    assert record.connected is not None
    assert record.started <= record.connected <= record.finished


# ---- routes and backends ----


def test_no_route_is_404_and_the_connection_goes_on(lab: Lab) -> None:
    lab.change(Frontend(cluster="c", hostname="*"), remove=True)
    lab.change(Cluster(cluster="other"), Frontend(cluster="other", hostname="there.example"))
    client = lab.client(GET)
    assert client.answer()[0].startswith(b"HTTP/1.1 404 ")
    client.send(b"GET / HTTP/1.1\r\nHost: there.example:8080\r\n\r\n")
    assert client.answer()[0].startswith(b"HTTP/1.1 503 ")


def test_the_welcome_page_names_the_host() -> None:
    with opened(Lab(welcome=True)) as lab:
        lab.change(Frontend(cluster="c", hostname="*"), remove=True)
        head, body = lab.client(GET).answer()
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"a.example" in body


def test_a_backend_that_refuses_is_passed_by(two: Lab) -> None:
    two.pool.refusing["10.0.0.1:80"] = two.pool.refusing["10.0.0.2:80"] = OSError()
    assert two.client(GET).answer()[0].startswith(b"HTTP/1.1 502 ")
    del two.pool.refusing["10.0.0.2:80"]
    for _ in range(2):
        client = two.client(GET)
        address, origin = two.origin_at()
        assert address == "10.0.0.2:80"
        origin.head()
        origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.head()
    settle()
    assert two.log.entries[0].retries == 1
    assert two.backend("10.0.0.1:80").exchanges == two.backend("10.0.0.2:80").exchanges == 0


def test_a_backend_that_is_removed_while_another_is_tried_gets_nothing(two: Lab) -> None:
    addresses = "10.0.0.1:80", "10.0.0.2:80"
    two.pool.refusing = dict.fromkeys(addresses)
    client = two.client(GET)
    settle()
    (idle,) = (address for address in addresses if not two.backend(address).exchanges)
    two.pool.refusing.pop(idle)
    two.change(Backend(cluster="c", address=idle), remove=True)
    two.wait(3.2)
    assert client.answer()[0].startswith(b"HTTP/1.1 504 ")
    assert two.no_origin()


def test_a_backend_that_does_not_open_in_time_is_504(lab: Lab) -> None:
    lab.pool.refusing["10.0.0.1:80"] = None
    client = lab.client(GET)
    lab.wait(5)
    assert client.answer()[0].startswith(b"HTTP/1.1 504 ")


def test_a_backend_counts_its_exchanges(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    assert lab.backend().exchanges == 1
    origin.send(OK)
    client.answer()
    settle()
    assert lab.backend().exchanges == 0


def test_a_removed_backend_ends_its_exchange_and_is_not_kept(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    live = lab.backend()
    gone: list[int] = []
    lab.change(Backend(cluster="c", address="10.0.0.1:80"), remove=True)
    live.on_gone.append(lambda: gone.append(1))
    assert gone == []
    origin.send(OK)
    assert client.answer()[1] == b"ok"
    settle()
    assert gone == [1]
    assert not origin.is_open()


def test_a_cluster_may_have_its_own_timeouts(lab: Lab) -> None:
    lab.change(Cluster(cluster="c", timeouts=Timeouts(back=2)))
    client = lab.client(GET)
    lab.origin().head()
    lab.wait(2.5)
    assert client.answer()[0].startswith(b"HTTP/1.1 504 ")


# ---- old connections ----


def used(lab: Lab, request: bytes = GET) -> tuple[Peer, Peer]:
    """A client and an origin that have served each other once."""
    client = lab.client(request)
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    client.answer()
    settle()
    return client, origin


def test_an_idle_connection_that_the_backend_closes_is_noticed(lab: Lab) -> None:
    client, origin = used(lab)
    origin.close()
    assert lab.backend().idle == []
    client.send(GET)
    lab.origin().head()


def test_bytes_that_nobody_asked_for_end_an_idle_connection(lab: Lab) -> None:
    _, origin = used(lab)
    origin.send(b"HTTP/1.1 200 OK\r\n")
    settle()
    assert lab.backend().idle == []


def test_idle_connections_are_closed_in_time(lab: Lab) -> None:
    _, origin = used(lab)
    lab.wait(31)
    assert lab.backend().idle == []
    assert not origin.is_open()


@pytest.mark.parametrize("method", [b"GET", b"PUT"])
def test_a_repeatable_request_on_a_dead_connection_goes_out_again(lab: Lab, method: bytes) -> None:
    client, origin = used(lab)
    client.send(GET.replace(b"GET", method))
    origin.head()
    origin.close()
    again = lab.origin()
    again.head()
    again.send(OK)
    assert client.answer()[1] == b"ok"
    settle()
    assert lab.log.entries[1].retries == 1


def test_a_new_connection_that_closes_without_an_answer_is_502(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.close()
    assert client.answer()[0].startswith(b"HTTP/1.1 502 ")


def test_a_post_is_never_sent_twice(lab: Lab) -> None:
    client, origin = used(lab)
    client.send(POST + b"12345")
    origin.head()
    origin.close()
    assert client.answer()[0].startswith(b"HTTP/1.1 502 ")
    assert lab.no_origin()


def test_a_post_takes_no_connection_that_was_idle_for_long(lab: Lab) -> None:
    client, _ = used(lab)
    lab.wait(2)
    client.send(POST + b"12345")
    fresh = lab.origin()
    fresh.head()
    assert fresh.read(5) == b"12345"


def test_a_put_whose_body_still_comes_takes_none_either(lab: Lab) -> None:
    client, _ = used(lab)
    lab.wait(2)
    client.send(POST.replace(b"POST", b"PUT") + b"123")
    fresh = lab.origin()
    fresh.head()
    client.send(b"45")
    assert fresh.read(5) == b"12345"


# ---- broken backends ----


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000 + b"\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17,
        b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_a_rule_is_502(lab: Lab, answer: bytes) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.send(answer)
    head = client.head()
    while head.startswith(b"HTTP/1.1 1"):
        head = client.head()
    assert head.startswith(b"HTTP/1.1 502 ")
    assert lab.backend().idle == []


def test_a_silent_backend_is_504(lab: Lab) -> None:
    client = lab.client(GET)
    lab.origin().head()
    lab.wait(29)
    assert client.is_open()
    lab.wait(2)
    assert client.answer()[0].startswith(b"HTTP/1.1 504 ")
    assert lab.entry().ended == "timed out"


def test_a_body_that_breaks_off_never_looks_whole(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    origin.close()
    assert client.head()
    assert client.rest() == b"half"
    assert lab.entry().ended == "backend closed in the middle of a body"


def test_what_follows_a_whole_answer_goes_nowhere(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.send(OK + b"HTTP/1.1 200 OK\r\n\r\npoison")
    assert client.answer()[1] == b"ok"
    assert lab.backend().idle == []
    client.send(GET)
    lab.origin().head()


# ---- bad and slow clients ----


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", b"505"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", b"501"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n", b"417"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000 + b"\r\n\r\n", b"431"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", b"501"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
def test_what_breaks_a_rule_is_refused_before_any_backend(lab: Lab, request_bytes: bytes, status: bytes) -> None:
    client = lab.client(request_bytes + GET)
    head, _ = client.answer()
    assert head.startswith(b"HTTP/1.1 " + status)
    assert field(head, b"connection") == b"close"
    client.end()
    assert client.rest() == b""
    assert lab.no_origin()
    assert (lab.entry().ended or "").startswith("refused: ")


def test_a_slow_head_is_408(lab: Lab) -> None:
    client = lab.client(b"GET / HTTP/1.1\r\n")
    lab.wait(11)
    assert client.answer()[0].startswith(b"HTTP/1.1 408 ")


def test_a_client_that_says_nothing_is_closed(lab: Lab) -> None:
    client = lab.client()
    lab.wait(9)
    assert client.is_open()
    lab.wait(2)
    assert not client.is_open()
    assert lab.log.entries == []


def test_an_idle_client_is_closed_in_time(lab: Lab) -> None:
    client, _ = used(lab)
    lab.wait(59)
    assert client.is_open()
    lab.wait(2)
    assert not client.is_open()


def test_a_slow_body_is_408_and_the_backend_never_gets_a_whole_request(lab: Lab) -> None:
    client = lab.client(POST + b"12")
    origin = lab.origin()
    origin.head()
    lab.wait(61)
    assert client.answer()[0].startswith(b"HTTP/1.1 408 ")
    assert origin.rest() == b"12"


def test_a_client_that_leaves_in_mid_body_takes_the_backend_connection_along(lab: Lab) -> None:
    client = lab.client(POST + b"12")
    origin = lab.origin()
    origin.head()
    client.close()
    assert origin.rest() == b"12"
    assert lab.entry().ended == "the client closed in the middle of its body"
    assert lab.backend().idle == []


def test_a_client_that_leaves_while_it_is_answered_is_noticed(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    client.close()
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
    assert (lab.entry().ended or "").startswith("client: ")


# ---- the end of a worker ----


def test_a_draining_worker_answers_and_closes(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    for session in tuple(lab.traffic.sessions):
        session.drain()
    origin.send(OK)
    assert field(client.answer()[0], b"connection") == b"close"
    assert client.rest() == b""


def test_draining_ends_idle_sessions_but_gives_busy_clients_a_moment(lab: Lab) -> None:
    idle, origin = used(lab)
    lab.wait(5)
    busy = lab.client()
    for session in tuple(lab.traffic.sessions):
        session.drain()
    assert not idle.is_open()
    assert busy.is_open()
    busy.send(GET)
    origin.head()
    origin.send(OK)
    assert field(busy.answer()[0], b"connection") == b"close"


def test_a_client_that_was_told_to_go_on_may_ask_once_more(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
    assert b"connection" not in names(client.head())
    lab.session().drain()
    origin.send(b"lf")
    assert client.read(4) == b"half"
    client.send(GET)
    origin.head()
    origin.send(OK)
    assert field(client.answer()[0], b"connection") == b"close"
    assert client.rest() == b""


def test_the_last_answer_of_a_draining_worker_is_not_lost_to_a_request_behind_it(lab: Lab) -> None:
    client = client_over_tcp(lab.traffic, GET)
    origin = lab.origin()
    origin.head()
    lab.session().drain()
    client.send(GET)
    settle()
    origin.send(OK)
    head, body = client.answer()
    assert (field(head, b"connection"), body) == (b"close", b"ok")
    assert client.rest_or_reset() == (b"", False)
    client.close()


def test_a_drained_client_that_asks_no_more_is_closed(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
    client.head()
    lab.session().drain()
    origin.send(b"lf")
    client.read(4)
    lab.wait(2)
    assert not client.is_open()


def test_closing_a_session_in_the_middle_of_a_head_is_quiet(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    client = lab.client(b"GET / HT")
    settle()
    lab.session().close()
    assert not client.is_open()
    assert caplog.records == []


def test_closing_a_session_cuts_its_exchange(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    for session in tuple(lab.traffic.sessions):
        session.close()
    assert not client.is_open()
    assert not origin.is_open()
    assert lab.entry().ended == "closed by the proxy"


def test_late_is_only_thrown_where_an_exchange_waits(lab: Lab) -> None:
    client = lab.client(GET)
    lab.origin().head()
    lab.traffic.hub.loop.run_callback(lab.session().throw, Late())
    assert client.answer()[0].startswith(b"HTTP/1.1 504 ")


def test_hop_by_hop_fields_end_here(lab: Lab) -> None:
    client = lab.client(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine\r\nKeep-Alive: 5\r\nX-Mine: 1\r\nTE: gzip\r\nX-Kept: 1\r\n\r\n"
    )
    origin = lab.origin()
    head = origin.head()
    assert names(head)[:2] == [b"host", b"x-kept"]
    assert not {b"connection", b"keep-alive", b"x-mine", b"te"} & set(names(head))
    origin.send(b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Ours\r\nX-Ours: 1\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n")
    assert set(names(client.head())) == {b"content-length", b"sozu-id", b"date"}


def test_ended_connections_leave_nothing_to_the_collector(lab: Lab) -> None:
    def connections() -> set[int]:
        return {id(thing) for thing in gc.get_objects() if isinstance(thing, Session | Stream | Back | Exchange)}

    gc.collect()
    gc.disable()
    before = connections()
    try:
        client, origin = used(lab)
        origin.close()
        client.close()
        assert lab.traffic.counters.connections_open == 0
        assert connections() <= before
    finally:
        gc.enable()


def test_a_large_request_that_is_asked_again_leaves_no_complaint(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(OK)
    client.answer()
    settle()
    (back,) = lab.backend().idle
    back.stream._sock.shutdown(socket.SHUT_WR)  # so that the next send fails at once, as after a reset that is on its way
    client.send(POST.replace(b"POST", b"PUT").replace(b"5", b"60000") + bytes(60_000))
    settle()
    origin.close()
    renewed = lab.origin()
    renewed.head()
    renewed.read(60_000)
    renewed.send(OK)
    client.answer()
    settle()
    assert [(entry.status, entry.retries, entry.ended) for entry in lab.log.entries] == [(200, 0, None), (200, 1, None)]


def test_a_retry_that_fails_as_well_is_502(lab: Lab) -> None:
    client, origin = used(lab)
    client.send(GET)
    origin.head()
    origin.close()
    again = lab.origin()
    again.head()
    again.close()
    assert client.answer()[0].startswith(b"HTTP/1.1 502 ")
    assert lab.no_origin()


def test_a_retry_that_cannot_connect_is_502(lab: Lab) -> None:
    client, origin = used(lab)
    client.send(GET)
    origin.head()
    lab.pool.refusing["10.0.0.1:80"] = OSError()
    origin.close()
    assert client.answer()[0].startswith(b"HTTP/1.1 502 ")
    assert lab.backend().exchanges == 0


def test_a_head_that_breaks_off_is_502(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\n")
    origin.close()
    assert client.answer()[0].startswith(b"HTTP/1.1 502 ")
    assert lab.entry().ended == "backend closed in the middle of a head"


def test_connections_do_not_live_for_ever(lab: Lab) -> None:
    client, origin = used(lab)
    for _ in range(3):
        lab.traffic.clock.set(lab.traffic.clock.now + 1300)
        client.send(GET)
        if lab.no_origin():
            origin.head()
            origin.send(OK)
            client.answer()
    lab.origin().head()
    assert not origin.is_open()


def test_a_fault_of_our_own_ends_one_session_and_is_reported(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.traffic.routes = None  # type: ignore[assignment]
    client = lab.client(GET)
    assert client.rest() == b""
    assert "Traceback" in capsys.readouterr().err
    assert lab.traffic.counters.connections_open == 0


def test_a_fault_of_our_own_while_a_body_comes_leaves_no_upload_behind(
    lab: Lab, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise KeyError

    client = lab.client(POST + b"12")
    origin = lab.origin()
    origin.head()
    settle()
    monkeypatch.setattr("sozu.proxy.meaning.response_framing", fault)
    origin.send(OK)
    assert origin.rest() == b"12"
    assert client.rest() == b""
    assert caplog.text.count("Traceback") == 1
    assert lab.entry().ended == "a fault of the proxy's own"
    assert lab.backend().exchanges == 0
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Upload) and thing.running]
