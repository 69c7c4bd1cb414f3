"""Exchanges that begin without a greenlet: that none is needed for the usual ones, and that the others end as if they had had one from the start."""

from collections.abc import Callable
import gc

import pytest

from sozu.command.facts import Backend
from sozu.proxy.deadlines import NEVER
from sozu.proxy.exchange import Exchange
from sozu.proxy.session import Session
from sozu.proxy.stream import Stream
from tests.proxy.lab import Lab, Peer, field, names, opened, settle

GET = b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"


def asked(lab: Lab) -> tuple[Peer, Peer]:
    """Client and origin: one exchange is over, and a second one waits for its answer."""
    client = lab.client(GET % 1)
    origin = lab.origin()
    origin.head()
    origin.send(OK)
    client.answer()
    lab.wait(0)
    client.send(GET % 2)
    assert origin.head().startswith(b"GET /2 ")
    return client, origin


def greenlets(lab: Lab) -> int:
    """Of sessions, those that do something."""
    return sum(session._greenlet is not None for session in lab.traffic.sessions)  # type: ignore[attr-defined]


def test_a_usual_exchange_needs_no_greenlet(lab: Lab) -> None:
    client, origin = asked(lab)

    assert greenlets(lab) == 0
    origin.send(OK)
    assert client.answer()[1] == b"ok"
    assert lab.no_origin()
    assert lab.traffic.counters.requests == 2


def test_it_counts_while_it_runs_and_no_longer(lab: Lab) -> None:
    client, origin = asked(lab)
    session = lab.session()

    assert (lab.backend().exchanges, lab.traffic.counters.exchanges_open, session.idle_since) == (1, 1, NEVER)
    assert session.request is not None
    assert session.request.target == b"/2"
    origin.send(OK)
    client.answer()
    settle()
    assert (lab.backend().exchanges, lab.traffic.counters.exchanges_open) == (0, 0)
    assert lab.session().request is None
    assert session.idle_since < NEVER


def test_it_is_told_like_any_other(lab: Lab) -> None:
    client, origin = asked(lab)
    origin.send(OK)
    client.answer()
    settle()
    first, second = lab.log.entries

    assert second._replace(request_id=b"", texts=first.texts, started=0, connected=0, responded=0, finished=0) == first._replace(
        request_id=b"", started=0, connected=0, responded=0, finished=0
    )
    assert second.connected == second.started <= (second.responded or 0) <= second.finished
    assert second.request_id != first.request_id


@pytest.mark.parametrize("pieces", [[OK[:1], OK[1:]], [OK[:30], OK[30:]], [OK[:-1], OK[-1:]]], ids=["status", "head", "body"])
def test_an_answer_in_pieces_takes_one(lab: Lab, pieces: list[bytes]) -> None:
    client, origin = asked(lab)
    origin.send(pieces[0])
    settle()

    assert greenlets(lab) == 1
    origin.send(pieces[1])
    assert client.answer()[1] == b"ok"
    settle()
    assert greenlets(lab) == 0


@pytest.mark.parametrize("size", [16_000, 40_000, 100_000])
def test_a_large_answer_arrives_whole(lab: Lab, size: int) -> None:
    client, origin = asked(lab)
    body = bytes(range(256)) * (size // 256)
    origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    assert client.answer()[1] == body


def test_a_chunked_answer_arrives_whole(lab: Lab) -> None:
    client, origin = asked(lab)
    origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    assert b"transfer-encoding" in names(client.head())
    assert client.read(12) == b"2\r\nok\r\n0\r\n\r\n"


def test_an_interim_response_comes_first(lab: Lab) -> None:
    client, origin = asked(lab)
    origin.send(b"HTTP/1.1 103 Early Hints\r\nDate: now\r\nLink: </a>\r\n\r\n")

    assert client.head().startswith(b"HTTP/1.1 103 ")
    origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_what_no_head_can_be_is_a_bad_gateway(lab: Lab) -> None:
    client, origin = asked(lab)
    origin.send(b"220 mail.example ESMTP\r\n\r\n")

    assert client.head().startswith(b"HTTP/1.1 502 ")


def test_the_connection_of_a_backend_that_wants_to_close_is_closed(lab: Lab) -> None:
    client, origin = asked(lab)
    origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    assert client.answer()[1] == b"ok"
    assert origin.rest() == b""


def test_bytes_behind_an_answer_end_the_connection(lab: Lab) -> None:
    client, origin = asked(lab)
    origin.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")

    assert client.answer()[1] == b"ok"
    client.send(GET % 3)
    other = lab.origin()
    other.head()
    other.send(OK)
    assert client.answer()[1] == b"ok"
    assert origin.rest() == b""


def test_a_backend_that_answers_before_it_was_asked_is_not_asked_again(lab: Lab) -> None:
    client, origin = asked(lab)
    session = lab.session()
    (back,) = lab.traffic.deadlines.watched
    back.stream.queued = b"half of a request"  # type: ignore[attr-defined]
    origin.send(OK)

    assert client.answer()[1] == b"ok"
    assert session.request is None
    assert origin.rest() == b"half of a request"


@pytest.mark.parametrize("end", [Peer.close, Peer.reset])
def test_a_backend_that_had_closed_is_asked_again(lab: Lab, end: Callable[[Peer], None]) -> None:
    client, origin = asked(lab)
    end(origin)
    again = lab.origin()

    assert again.head().startswith(b"GET /2 ")
    again.send(OK)
    assert client.answer()[1] == b"ok"
    settle()
    assert lab.log.entries[-1].retries == 1
    assert lab.backend().exchanges == 0


def test_a_slow_backend_is_a_gateway_timeout(lab: Lab) -> None:
    client, origin = asked(lab)
    lab.wait(31)

    assert client.head().startswith(b"HTTP/1.1 504 ")
    assert origin.rest() == b""
    settle()
    assert lab.log.entries[-1].ended == "timed out"
    assert lab.backend().exchanges == 0


def test_a_backend_that_is_removed_meanwhile_is_drained_when_it_has_answered(lab: Lab) -> None:
    client, origin = asked(lab)
    backend, told = lab.backend(), []
    lab.change(Backend(cluster="c", address="10.0.0.1:80"), remove=True)
    backend.on_gone.append(lambda: told.append("gone"))

    settle()
    assert told == []
    origin.send(OK)
    assert client.answer()[1] == b"ok"
    settle()
    assert told == ["gone"]
    assert origin.rest() == b""


def test_a_session_that_is_closed_takes_its_backend_connection_along(lab: Lab) -> None:
    client, origin = asked(lab)
    lab.session().close()

    assert client.rest() == b""
    assert origin.rest() == b""
    assert lab.log.entries[-1].ended == "closed by the proxy"


def test_a_session_that_is_closed_as_its_answer_arrives_ends_too(lab: Lab) -> None:
    client, origin = asked(lab)
    session = lab.session()
    errand = session._errand
    assert errand is not None
    origin.send(OK)
    # In one turn of the loop: the answer is passed on after the call and before what it has put off.
    lab.traffic.hub.loop.run_callback(errand._back.stream._readable)
    session.close()

    assert client.answer()[1] == b"ok"
    assert client.rest() == b""
    assert not lab.traffic.sessions


def refused(lab: Lab, origin: Peer) -> None:
    lab.pool.refusing["10.0.0.1:80"] = OSError()
    origin.close()


@pytest.mark.parametrize("end", [lambda lab, _: lab.wait(31), lambda lab, _: lab.session().close(), refused], ids=["late", "closed", "refused"])
def test_what_has_failed_leaves_no_garbage(lab: Lab, end: Callable[[Lab, Peer], None]) -> None:
    client, origin = asked(lab)
    gc.collect()
    gc.disable()
    try:
        end(lab, origin)
        client.close()
        settle()
        assert not any(isinstance(each, Exchange | Session) for each in gc.get_objects())
    finally:
        gc.enable()


def test_a_session_that_drains_ends_with_the_answer(lab: Lab) -> None:
    client, origin = asked(lab)
    lab.session().drain()
    origin.send(OK)

    assert field(client.answer()[0], b"connection") == b"close"
    assert client.rest() == b""


def test_what_the_client_sends_meanwhile_waits_for_its_turn(lab: Lab) -> None:
    client, origin = asked(lab)
    client.send(GET % 3 + GET % 4)
    settle()
    origin.send(OK)
    for number in (3, 4):
        assert client.answer()[1] == b"ok"
        assert origin.head().startswith(b"GET /%d " % number)
        origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_a_client_that_takes_no_answers_is_not_sent_more(lab: Lab) -> None:
    client, origin = asked(lab)
    session = lab.session()
    session.stream.queued = b"what the kernel has not taken"
    origin.send(OK)
    settle()

    assert client.head().startswith(b"what the kernel has not taken")
    assert lab.log.entries[-1].status == 200


def test_it_goes_to_the_backends_in_turn() -> None:
    with opened(Lab(("10.0.0.1:80", "10.0.0.2:80"))) as lab:
        client = lab.client()
        origins = []
        for number in (1, 2):
            client.send(GET % number)
            origins.append(lab.origin())
            origins[-1].head()
            origins[-1].send(OK)
            client.answer()
        for number in range(3, 7):
            client.send(GET % number)
            origin = origins[(number - 1) % 2]
            assert origin.head().startswith(b"GET /%d " % number)
            origin.send(OK)
            client.answer()


def test_a_false_alarm_is_no_answer(lab: Lab) -> None:
    client, origin = asked(lab)
    errand = lab.session()._errand
    assert errand is not None
    lab.traffic.hub.loop.run_callback(errand._arrive)
    settle()

    origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_a_false_alarm_is_no_request(lab: Lab) -> None:
    client = lab.client()
    lab.traffic.hub.loop.run_callback(lab.session()._wake)
    settle()

    client.send(GET % 1)
    lab.origin()
    assert lab.session().request is not None


def test_a_fault_of_our_own_ends_the_session_and_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    client = lab.client(GET % 1)
    monkeypatch.setattr(Stream, "grab", lambda _: 1 // 0)

    assert client.rest() == b""
    assert "ZeroDivisionError" in capsys.readouterr().err
