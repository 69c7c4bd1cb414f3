from collections.abc import Callable
import logging

import gevent
import pytest

from sozu.command.answers import Status
from sozu.command.client import Client, RequestRefused
from sozu.command.commit import commit
from sozu.command.draft import Change
from sozu.command.events import Event
from sozu.command.facts import Backend, Certificate, Cluster, Listener, Protocol
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddListener,
    AnyOrder,
    DeactivateListener,
    RemoveBackend,
    RemoveCluster,
    RemoveListener,
    UpdateSettings,
)
from sozu.command.state import ConfigState
from sozu.command.worker_protocol import Happened, WatchBackend
from sozu.master.author import Author
from sozu.master.news import chronicle as chronicle_module
from sozu.master.news import events as events_module
from sozu.master.news import expiry as expiry_module
from sozu.master.news.chronicle import Chronicle
from sozu.master.news.events import EventLog, Events
from sozu.master.news.expiry import DAY, Expiry
from sozu.master.publication import Publication
from sozu.master.workers.roster import Roster
from tests.master.played import Play
from tests.master.served import PATIENCE, Serve, Served

AUTHOR = Author(uid=1000, pid=42, command="sozu apply")


def kinds(events: Events) -> list[str]:
    return [event.kind for event in events.after(0)]


def test_events_are_numbered_and_those_after_a_number_can_be_had() -> None:
    events = Events()
    for kind in "abc":
        events.happened(kind, kind, of=kind)

    assert [(event.number, event.kind, event.data) for event in events.after(1)] == [(2, "b", {"of": "b"}), (3, "c", {"of": "c"})]
    assert (events.first, events.last, events.after(3)) == (1, 3, [])


def test_another_master_goes_on_with_the_numbers() -> None:
    before, after = Events(), Events()
    for kind in "ab":
        before.happened(kind, kind)
    after.happened("c", "before it knew of those")
    after.resume(before.all())
    after.happened("d", "afterwards")

    assert [(event.number, event.kind) for event in after.after(1)] == [(2, "b"), (3, "c"), (4, "d")]


def test_with_nothing_before_they_begin_at_1() -> None:
    events = Events()
    events.happened("a", "a")
    events.resume([])
    assert (events.first, events.last) == (1, 1)


def test_the_last_ten_thousand_are_known() -> None:
    events = Events()
    for number in range(10_005):
        events.happened("a", str(number))

    assert (events.first, events.last) == (6, 10_005)
    assert len(events.after(0)) == events_module.KEPT == 10_000
    assert events.after(10_004)[0].message == "10004"


def test_who_follows_hears_what_is_and_what_comes() -> None:
    events = Events()
    events.happened("a", "")
    heard: list[Event] = []

    def listen() -> None:
        for some in events.follow(0):
            heard.extend(some)

    follower = gevent.spawn(listen)
    gevent.idle()
    events.happened("b", "")
    gevent.idle()
    gevent.idle()
    follower.kill()

    assert [event.kind for event in heard] == ["a", "b"]


def test_what_the_log_tells_as_an_event_is_one() -> None:
    events, log = Events(), logging.getLogger("a test of events")
    log.setLevel(logging.DEBUG)
    log.addHandler(EventLog(events))
    log.warning("event=worker_replaced slot=%d pid=%d reason=%r", 1, 42, "it didn't confirm")
    log.debug("event=channel_ended reason=x")
    log.info("nothing that happened")

    (event,) = events.after(0)
    assert (event.kind, event.data) == ("worker_replaced", {"slot": "1", "pid": "42", "reason": "it didn't confirm"})
    assert event.message == """slot=1 pid=42 reason="it didn't confirm\""""


class House:
    def __init__(self) -> None:
        self.events, self.roster, self.spoken = Events(), Roster(), 0
        self.chronicle = Chronicle(self.events, self.roster, self.speak)
        self.state = ConfigState()

    def speak(self) -> None:
        self.spoken += 1

    def publish(self, *orders: AnyOrder) -> Publication:
        result = commit(self.state, orders)
        self.state = result.state
        publication = Publication(result.revision, orders, result.effects)
        for worker in self.roster:
            publication.send(worker)
        self.chronicle.heard(publication, AUTHOR)
        return publication


HTTP, ADDRESS = Protocol.HTTP, "127.0.0.1:80"
BLOG: list[AnyOrder] = [AddCluster(cluster="blog"), AddBackend(cluster="blog", address="127.0.0.1:1")]


def test_a_revision_is_told_with_who_made_it() -> None:
    house = House()
    house.publish(*BLOG)

    (event,) = house.events.after(0)
    assert event.kind == "revision_committed"
    assert event.message == "revision 1: 2 orders by sozu apply"
    assert event.data == {"revision": 1, "orders": 2, "uid": 1000, "pid": 42, "command": "sozu apply"}


def test_listeners_are_told_as_they_come_change_and_go() -> None:
    house = House()
    house.publish(AddListener(protocol=HTTP, address=ADDRESS))
    house.publish(DeactivateListener(protocol=HTTP, address=ADDRESS))
    house.publish(AddListener(protocol=HTTP, address=ADDRESS))
    house.publish(RemoveListener(protocol=HTTP, address=ADDRESS))

    told = [kind for kind in kinds(house.events) if kind != "revision_committed"]
    assert told == ["listener_added", "listener_deactivated", "listener_activated", "listener_removed"]


def test_settings_that_change_are_followed_at_once() -> None:
    house = House()
    house.publish(UpdateSettings(max_connections=5))

    assert house.spoken == 1


def test_an_idle_backend_has_drained_when_the_workers_have_confirmed() -> None:
    house = House()
    house.publish(*BLOG)
    publication = house.publish(RemoveCluster(cluster="blog"))
    publication.follow()
    house.chronicle.settled(publication)

    assert kinds(house.events)[-1] == "backend_drained"
    assert house.events.after(0)[-1].data == {"cluster": "blog", "address": "127.0.0.1:1"}


def test_one_that_still_runs_has_drained_when_its_last_exchange_has_ended(play: Play) -> None:
    house, played = House(), play()
    house.publish(*BLOG)
    house.roster.join(played.worker)
    publication = house.publish(RemoveBackend(cluster="blog", address="127.0.0.1:1"))
    played.heard()
    played.reply(1, data={"running": [("blog", "127.0.0.1:1")]})
    publication.follow()
    house.chronicle.settled(publication)
    asked = played.heard()
    assert isinstance(asked, WatchBackend)
    assert kinds(house.events)[-1] == "revision_committed"
    played.reply(asked.id, Status.OK, data={"exchanges": 0})
    with gevent.Timeout(5.0):
        while kinds(house.events)[-1] != "backend_drained":
            gevent.sleep(0)


def test_many_that_drain_at_once_are_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chronicle_module, "MOST_TOLD", 1)
    house = House()
    house.publish(*BLOG, AddBackend(cluster="blog", address="127.0.0.1:2"))
    publication = house.publish(RemoveCluster(cluster="blog"))
    publication.follow()
    house.chronicle.settled(publication)

    assert house.events.after(0)[-1].data == {"count": 2}


def test_a_worker_tells_of_backends_unasked(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    played = play()
    with caplog.at_level(logging.INFO):
        played.channel.send(Happened(kind="backend_down", cluster="blog", address="127.0.0.1:1", reason="refused"))
        with gevent.Timeout(5.0):
            while not caplog.records:
                gevent.sleep(0)

    assert caplog.messages == ["event=backend_down cluster='blog' address='127.0.0.1:1' reason='refused'"]


def test_a_worker_that_tells_what_no_worker_may_is_not_heard(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    played = play()
    told = b'{"type":"happened","kind":"x\\nevent=listener_removed","cluster":"blog","address":"127.0.0.1:1"}\0'
    with caplog.at_level(logging.INFO):
        played.channel._sock.sendall(memoryview(told))
        assert played.link.ended.wait(PATIENCE)

    assert caplog.messages == []


def test_a_certificate_that_expires_soon_is_told_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry_module, "EVERY", 0)
    soon = Certificate(fingerprint="aa", certificate="", private_key="", names=("x.y",), not_after=20 * DAY)
    late = Certificate(fingerprint="bb", certificate="", private_key="", names=("z",), not_after=200 * DAY)
    state = ConfigState(certificates={"aa": soon, "bb": late})
    events, days = Events(), iter([0.0, 0.5, 1.0, 21.0])

    def clock() -> float:
        return next(days) * DAY

    with pytest.raises(RuntimeError, match="StopIteration"):
        watch_until_the_clock_stops(events, state, clock)

    assert [event.message for event in events.after(0)] == [
        "the certificate of x.y expires in 20 days",
        "the certificate of x.y expires in 19 days",
        "the certificate of x.y has expired",
    ]


def test_certificates_are_looked_at_when_one_comes() -> None:
    looks: list[None] = []
    chronicle = Chronicle(Events(), Roster(), lambda: None, lambda: looks.append(None))
    certificate = Certificate(fingerprint="aa", certificate="", private_key="")
    chronicle.heard(Publication(1, [], [Change(None, Cluster(cluster="a"))]), AUTHOR)
    assert not looks
    chronicle.heard(Publication(2, [], [Change(None, certificate)]), AUTHOR)
    assert looks


def test_each_change_of_clusters_and_backends_is_followed() -> None:
    follows: list[None] = []
    chronicle = Chronicle(Events(), Roster(), lambda: None, follow=lambda: follows.append(None))
    chronicle.heard(Publication(1, [], [Change(None, Listener(protocol=HTTP, address=ADDRESS))]), AUTHOR)
    assert not follows
    chronicle.heard(Publication(2, [], [Change(Cluster(cluster="a"), None)]), AUTHOR)
    chronicle.heard(Publication(3, [], [Change(None, Backend(cluster="a", address=ADDRESS))]), AUTHOR)
    assert len(follows) == 2


def test_each_change_of_listeners_is_lent_anew() -> None:
    lent: list[None] = []
    chronicle = Chronicle(Events(), Roster(), lambda: None, lend=lambda: lent.append(None))
    chronicle.heard(Publication(1, [], [Change(None, Cluster(cluster="a"))]), AUTHOR)
    assert not lent
    chronicle.heard(Publication(2, [], [Change(None, Listener(protocol=HTTP, address=ADDRESS))]), AUTHOR)
    assert lent


def watch_until_the_clock_stops(events: Events, state: ConfigState, clock: Callable[[], float]) -> None:
    try:
        Expiry(events, lambda: state, clock).watch()
    except StopIteration as stopped:
        raise RuntimeError("StopIteration") from stopped


# ---- asked for by tools ------------------------------------------------------------------------


def test_a_tool_hears_events_from_a_number_on(served: Served) -> None:
    with Client(served.socket, timeout=PATIENCE) as client:
        before = client.order({"type": "subscribe_events", "follow": False}).data["last"]
        client.order(AddCluster(cluster="told"))
        told = list(client.events(since=before, follow=False))

    assert [event.number for event in told] == [before + 1]
    assert told[0].data["command"] == served_by_pytest(told[0])


def served_by_pytest(event: Event) -> str:
    command: str = event.data["command"]
    assert "pytest" in command
    return command


def test_events_come_as_they_happen(served: Served) -> None:
    with Client(served.socket, timeout=PATIENCE) as client:
        last = client.order({"type": "subscribe_events", "follow": False}).data["last"]
        events = client.events(since=last)
        client.order(AddCluster(cluster="soon"))

        assert next(events).data["orders"] == 1
        events.close()


def test_there_are_no_events_of_the_future(served: Served) -> None:
    with Client(served.socket, timeout=PATIENCE) as client, pytest.raises(RequestRefused, match="there is no event 999999; the last one is"):
        client.order({"type": "subscribe_events", "since": 999_999})


def test_a_worker_that_is_killed_and_its_successor_are_events(serve: Serve) -> None:
    served = serve()
    with Client(served.socket, timeout=PATIENCE) as client:
        events = client.events(since=0)
        client.order(AddCluster(cluster="crash"))
        heard = set[str]()
        while not {"worker_ended", "worker_ready", "revision_committed"} <= heard:
            heard.add(next(events).kind)
        events.close()
