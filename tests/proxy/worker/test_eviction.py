from sozu.proxy.worker.eviction import evict
from tests.proxy.lab import Lab, opened, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
NOW = 1000.0


class Idler:
    """A session that has been idle since."""

    def __init__(self, since: float) -> None:
        self.idle_since = since
        self.closed = False

    def drain(self) -> None:
        raise AssertionError

    def close(self) -> None:
        self.closed = True


def test_who_has_been_idle_for_longest_goes() -> None:
    sessions = [Idler(NOW - 20), Idler(NOW - 30), Idler(NOW - 10)]
    assert evict(sessions, NOW) == 1
    assert [session.closed for session in sessions] == [False, True, False]


def test_nobody_goes_who_is_busy_or_was_a_moment_ago() -> None:
    sessions = [Idler(float("inf")), Idler(NOW - 0.5)]
    assert evict(sessions, NOW) == 0
    assert not any(session.closed for session in sessions)


def test_of_many_some_go_at_once() -> None:
    sessions = [Idler(NOW - 10 - number) for number in range(1024)]
    assert evict(sessions, NOW) == 4
    assert [session.closed for session in sessions[-5:]] == [False, True, True, True, True]


def test_a_session_is_idle_between_requests() -> None:
    with opened(Lab()) as lab:
        client = lab.client()
        lab.wait(5)
        assert lab.session().idle_since == lab.traffic.clock.now - 5
        client.send(GET)
        origin = lab.origin()
        origin.head()
        assert lab.session().idle_since == float("inf")
        origin.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        client.head()
        settle()
        assert lab.session().idle_since == lab.traffic.clock.now
        assert evict(lab.traffic.sessions, lab.traffic.clock.now + 2) == 1
        assert not client.is_open()
