"""Clusters with terms, through whole sessions: who gets in, who waits, and what the others are told."""

from errno import EMFILE
from typing import Any

import pytest

from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster, Frontend
from sozu.command.terms import Breaker, Failures, Queue, Retries, Share
from sozu.proxy.back import Back
from sozu.proxy.stream import Broken
from tests.proxy.lab import Lab, Peer, field, opened, settle

A, B = "10.0.0.1:80", "10.0.0.2:80"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
BAD = b"HTTP/1.1 500 Oh\r\nDate: now\r\nContent-Length: 0\r\n\r\n"


def lab_with(backends: tuple[str, ...] = (A,), **terms: Any) -> Lab:
    lab = Lab(backends)
    lab.change(Cluster(cluster="c", **terms))
    return lab


def status(peer: Peer) -> int:
    return int(peer.answer()[0].split(b" ")[1])


def test_who_finds_no_room_waits_and_is_served_in_turn() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2, seconds=2))) as lab:
        first = lab.client(GET)
        origin = lab.origin()
        origin.head()
        second = lab.client(GET)
        settle()
        third = lab.client(GET)
        assert lab.no_origin()
        for peer in (first, second, third):
            origin.send(OK)
            assert status(peer) == 200
            settle()
            if peer is not third:
                assert origin.head().startswith(b"GET")
        assert lab.backend().exchanges == 0


def test_who_finds_no_seat_is_told_to_come_again() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=1))) as lab:
        lab.client(GET)
        lab.origin()
        lab.client(GET)
        settle()
        head = lab.client(GET).head()
        assert head.startswith(b"HTTP/1.1 503")
        assert field(head, b"retry-after") == b"1"


def test_who_waits_for_too_long_is_told_so_and_takes_nobodys_turn() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2, seconds=2))) as lab:
        first = lab.client(GET)
        origin = lab.origin()
        origin.head()
        second = lab.client(GET)
        lab.wait(3)
        assert status(second) == 503
        third = lab.client(GET)
        origin.send(OK)
        assert status(first) == 200
        origin.head()
        origin.send(OK)
        assert status(third) == 200


def test_who_waits_is_called_when_a_backend_comes(caplog: pytest.LogCaptureFixture) -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2))) as lab:
        lab.client(GET)
        lab.origin()
        lab.client(GET)
        assert lab.no_origin()
        lab.change(Backend(cluster="c", address=B))
        assert lab.origin_at()[0] == B
    assert caplog.records == []


def test_who_waits_does_not_go_to_a_backend_that_was_removed() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2, seconds=20))) as lab:
        first = lab.client(GET)
        origin = lab.origin()
        origin.head()
        second = lab.client(GET)
        settle()
        lab.change(Frontend(cluster="c", hostname="*"), Backend(cluster="c", address=A), Cluster(cluster="c"), remove=True)
        origin.send(OK)
        assert status(first) == 200
        assert status(second) == 503
        assert lab.no_origin()


def test_who_could_not_be_reached_is_not_followed_by_one_that_was_removed() -> None:
    with opened(lab_with((A, B), retries=Retries())) as lab:
        lab.pool.refusing = {A: None, B: None}
        client = lab.client(GET)
        settle()
        (idle,) = (address for address in (A, B) if not lab.backend(address).exchanges)
        lab.pool.refusing.pop(idle)
        lab.change(Backend(cluster="c", address=idle), remove=True)
        lab.wait(3.2)
        assert status(client) == 504
        assert lab.no_origin()


def test_who_waits_is_called_when_room_comes_with_a_large_transaction() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2))) as lab:
        for _ in range(2):
            lab.client(GET)
        lab.origin()
        registry = lab.traffic.registry
        draft = registry.draft()
        draft.after([Change(registry.rosters["c"].cluster, Cluster(cluster="c", max_exchanges=2, queue=Queue(size=2)))])
        for _ in registry.prepare(draft):
            settle()
        registry.swap(draft)
        assert lab.origin().head().startswith(b"GET")


def test_who_waits_is_called_when_fewer_workers_share_the_room() -> None:
    with opened(lab_with()) as lab:
        lab.traffic.registry.divide(2)
        lab.change(Cluster(cluster="c", max_exchanges=2, queue=Queue(size=2)))
        for _ in range(2):
            lab.client(GET)
        lab.origin()
        assert lab.no_origin()
        lab.traffic.registry.divide(1)
        assert lab.origin().head().startswith(b"GET")


def test_who_waits_is_called_when_there_is_no_limit_any_more() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2))) as lab:
        for _ in range(3):
            lab.client(GET)
        lab.origin()
        lab.change(Cluster(cluster="c"))
        settle()
        assert lab.backend().exchanges == 3


def test_who_waits_is_told_when_the_cluster_goes() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2))) as lab:
        lab.client(GET)
        lab.origin()
        second = lab.client(GET)
        settle()
        lab.change(Frontend(cluster="c", hostname="*"), Backend(cluster="c", address=A), Cluster(cluster="c"), remove=True)
        settle()
        assert [entry.status for entry in lab.log.entries] == [503]
        assert status(second) == 503


def test_want_of_our_own_is_no_fault_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_descriptor(*_: object) -> Back:
        raise Broken(None, OSError(EMFILE, ""))

    with opened(lab_with((A, B))) as lab:
        monkeypatch.setattr(lab.pool, "open", no_descriptor)
        assert status(lab.client(GET)) == 503
        assert [lab.backend(address).misses for address in (A, B)] == [None, None]


@pytest.mark.parametrize("terms", [{}, {"max_exchanges": 100}, {"max_per_client": 100}, {"retries": Retries()}, {"breaker": Breaker()}, {"sticky": "S"}, {"split": (Share(cluster="c2", share=1),)}])
@pytest.mark.parametrize("answer", [OK, CLOSE])
def test_each_backend_gets_its_turn_whether_a_connection_is_at_hand_or_not(terms: dict[str, Any], answer: bytes) -> None:
    with opened(lab_with((A, B), **terms)) as lab:
        taken, origins = [], {}
        for _ in range(4):
            client = lab.client(GET)
            settle()
            if not lab.pool.opened.empty():
                address, origins[address] = lab.origin_at()
            address = next(live.name for live in lab.traffic.registry if live.exchanges)
            origins[address].head()
            origins[address].send(answer)
            taken.append(address)
            assert status(client) == 200
            settle()
        assert taken == [A, B, A, B]


def test_who_is_refused_takes_nobodys_place_in_the_queue() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=2, seconds=2))) as lab:
        lab.client(GET)
        origin = lab.origin()
        origin.head()
        second = lab.client(GET.replace(b"/ ", b"/2 "))
        settle()
        third = lab.client(GET.replace(b"/ ", b"/3 "))
        settle()
        assert status(lab.client(GET)) == 503
        for path, waiting in ((b"/2", second), (b"/3", third)):
            origin.send(OK)
            assert origin.head().startswith(b"GET %b " % path)
            assert waiting.is_open()


def test_without_a_queue_nobody_waits() -> None:
    with opened(lab_with(max_exchanges=1)) as lab:
        lab.client(GET)
        lab.origin()
        assert status(lab.client(GET)) == 503


def test_a_full_backend_is_passed_by() -> None:
    with opened(lab_with((A, B), max_exchanges=1)) as lab:
        lab.client(GET)
        lab.client(GET)
        assert {lab.origin_at()[0], lab.origin_at()[0]} == {A, B}


def test_a_client_with_too_many_exchanges_is_told_so_and_others_are_not() -> None:
    with opened(lab_with(max_per_client=1)) as lab:
        first = lab.client(GET)
        origin = lab.origin()
        head = lab.client(GET, name=b"192.0.2.1:9").head()
        assert head.startswith(b"HTTP/1.1 429")
        assert field(head, b"retry-after") == b"1"
        lab.client(GET, name=b"192.0.2.2:9")
        lab.origin()
        origin.send(OK)
        assert status(first) == 200
        first.send(GET)
        origin.head()
        assert lab.no_origin()


def test_a_cluster_that_fails_is_left_alone_until_one_request_succeeds() -> None:
    with opened(lab_with(breaker=Breaker(share=50, least=2, pause=5), failures=Failures(limit=0))) as lab:
        client = lab.client(GET)
        origin = lab.origin()
        for _ in range(2):
            origin.head()
            origin.send(BAD)
            assert status(client) == 500
            client.send(GET)
        assert status(client) == 503
        lab.wait(6)
        client.send(GET)
        origin.head()
        assert status(lab.client(GET)) == 503
        origin.send(OK)
        assert status(client) == 200
        client.send(GET)
        assert origin.head()


def test_a_client_that_is_too_slow_is_no_trial_of_the_cluster() -> None:
    with opened(lab_with(breaker=Breaker(share=50, least=1, pause=5), failures=Failures(limit=0))) as lab:
        client, origin, _ = lab.exchange(GET)
        origin.send(BAD)
        assert status(client) == 500
        lab.wait(6)
        slow = lab.client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        lab.origin()
        lab.wait(61)
        assert status(slow) == 408
        trial = lab.client(GET)
        origin = lab.origin()
        other = lab.client(GET)
        assert status(other) == 503
        origin.send(OK)
        assert status(trial) == 200


def test_who_found_no_room_is_no_failure_of_the_cluster() -> None:
    with opened(lab_with(max_exchanges=1, queue=Queue(size=1, seconds=2), breaker=Breaker(share=1, least=1))) as lab:
        first = lab.client(GET)
        origin = lab.origin()
        origin.head()
        late = lab.client(GET)
        settle()
        assert status(lab.client(GET)) == 503
        lab.wait(3)
        assert status(late) == 503
        origin.send(OK)
        assert status(first) == 200
        first.send(GET)
        assert origin.head()


def test_retries_stay_within_the_budget() -> None:
    with opened(lab_with((A, B), retries=Retries(most=1, budget=1), failures=Failures(limit=0))) as lab:
        lab.pool.refusing.update({A: OSError(), B: OSError()})
        for number in range(12):
            assert status(lab.client(GET)) == 502
            settle()
            assert lab.log.entries[-1].retries == (1 if number < 10 else 0)


def test_one_that_cannot_be_reached_is_passed_by_and_rests_after_three_times() -> None:
    with opened(lab_with((A, B))) as lab:
        lab.pool.refusing[A] = OSError()
        for _ in range(8):
            assert served(lab) == (B, b"")
        settle()
        assert [record.retries for record in lab.log.entries].count(1) == 3
        assert lab.backend(A).resting
        lab.traffic.registry.tick(lab.traffic.clock.now + 2)
        assert not lab.backend(A).resting


def served(lab: Lab, cookie: bytes = b"") -> tuple[str, bytes]:
    """Who took the request, and the cookie that the client got; the backend saw none."""
    client = lab.client(GET[:-2] + (b"Cookie: " + cookie + b"\r\n\r\n" if cookie else b"\r\n"))
    address, origin = lab.origin_at()
    assert b"SITE" not in origin.head()
    origin.send(CLOSE)
    head = client.head()
    return address, field(head, b"set-cookie").partition(b";")[0] if b"Set-Cookie" in head else b""


def test_a_client_comes_back_to_its_backend_also_in_another_worker() -> None:
    cookies: dict[str, bytes] = {}
    for _ in range(2):  # workers, each with a registry of its own
        with opened(lab_with((A, B), sticky="SITE")) as lab:
            for _ in range(2):
                address, cookie = served(lab)
                assert cookies.setdefault(address, cookie) == cookie
            for address in (B, B, A, A, B):
                assert served(lab, cookies[address]) == (address, b"")


def test_a_client_whose_backend_is_not_well_gets_another_one_and_its_cookie() -> None:
    with opened(lab_with((A, B), sticky="SITE")) as lab:
        cookies = dict(served(lab) for _ in range(2))
        lab.traffic.registry.found(("c", A), up=False)
        assert served(lab, cookies[A]) == (B, cookies[B])
        lab.traffic.registry.found(("c", A), up=True)
        assert served(lab, cookies[A]) == (A, b"")
        lab.pool.refusing[A] = OSError()
        assert served(lab, cookies[A]) == (B, cookies[B])


def test_a_client_keeps_to_his_side_of_a_split() -> None:
    with opened(lab_with(sticky="SITE", split=(Share(cluster="next", share=50),))) as lab:
        lab.change(Cluster(cluster="next"), Backend(cluster="next", address=B, id="b"))
        cookies = dict(served(lab) for _ in range(2))
        assert set(cookies) == {A, B}
        for address in (A, B, B, A):
            assert served(lab, cookies[address]) == (address, b"")
        settle()
        assert {(record.cluster, record.backend) for record in lab.log.entries} == {("c", A), ("next", B)}


def test_what_would_be_split_off_to_nowhere_stays() -> None:
    with opened(lab_with(split=(Share(cluster="next", share=100),))) as lab:
        assert served(lab) == (A, b"")


@pytest.mark.parametrize("share", [5, 12.5, 100])
def test_a_split_keeps_its_share_exactly(share: float) -> None:
    with opened(lab_with(split=(Share(cluster="next", share=share),))) as lab:
        roster = lab.traffic.registry.rosters["c"]
        assert sum(roster.other() is not None for _ in range(20_000)) == pytest.approx(20_000 * share / 100, abs=1)
