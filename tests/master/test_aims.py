from typing import Any

from sozu.command.commit import commit
from sozu.command.draft import Change
from sozu.command.facts import Backend, Certificate, Cluster, Frontend, Listener, Protocol
from sozu.command.orders import (
    AddBackend,
    AddCertificate,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    RemoveCluster,
    RemoveListener,
)
from sozu.command.state import ConfigState, same_facts
from sozu.master.aims import nothing_but, the_same_as, these
from sozu.master.departures import REMEMBERED, Departures

LISTENER = AddListener(protocol=Protocol.HTTP, address="127.0.0.1:4321")
BLOG: list[AnyOrder] = [AddCluster(cluster="blog"), AddBackend(cluster="blog", address="127.0.0.1:1")]


def state(*orders: AnyOrder) -> ConfigState:
    return commit(ConfigState(), orders).state


def test_orders_are_taken_as_they_are() -> None:
    assert these(BLOG)(ConfigState()) == BLOG


def test_what_the_orders_do_not_say_goes() -> None:
    before = state(LISTENER, *BLOG, AddCluster(cluster="shop"))
    aim = nothing_but([AddListener(protocol=Protocol.HTTP, address="127.0.0.1:0"), *BLOG])

    assert aim(before) == [RemoveCluster(cluster="shop")]
    assert aim(commit(before, aim(before)).state) == []


def test_certificates_stay_unless_the_orders_name_some() -> None:
    held = Certificate(fingerprint="a" * 64, certificate="c", private_key="k", names=("x.y",))
    before = ConfigState(certificates={held.key: held})

    assert nothing_but([])(before) == []
    other = AddCertificate(certificate="d", private_key="l", fingerprint="b" * 64, force=True)
    assert [order.__struct_config__.tag for order in nothing_but([other])(before)] == ["add_certificate", "remove_certificate"]


def test_another_state_is_become_from_wherever_one_is() -> None:
    target, before = state(*BLOG), state(LISTENER)

    assert same_facts(commit(before, the_same_as(target)(before)).state, target)


def test_what_departed_is_remembered_until_it_is_back() -> None:
    departures = Departures([("shop", "127.0.0.1:9")])
    first = commit(ConfigState(), [LISTENER, *BLOG])
    gone = commit(first.state, [RemoveCluster(cluster="blog"), RemoveListener(protocol=Protocol.HTTP, address=LISTENER.address)])
    departures.follow(gone.effects)

    assert list(departures.backends) == [("shop", "127.0.0.1:9"), ("blog", "127.0.0.1:1")]
    assert LISTENER.address in departures.listeners
    assert "blog" in departures.clusters
    departures.follow(commit(gone.state, [LISTENER, *BLOG]).effects)
    assert list(departures.backends) == [("shop", "127.0.0.1:9")]
    assert not departures.listeners
    assert not departures.clusters


def test_of_very_many_departures_the_last_of_each_kind_are_remembered() -> None:
    departures = Departures()
    for number in range(REMEMBERED + 5):
        name = str(number)
        frontend, listener = Frontend(cluster="shop", hostname=name, path="/"), Listener(protocol=Protocol.HTTP, address=name)
        departures.follow([Change(fact, None) for fact in (Backend(cluster="shop", address=name), frontend, listener, Cluster(cluster=name))])

    for kind in (departures.backends, departures.frontends, departures.listeners, departures.clusters):
        assert len(kind) == REMEMBERED
    assert ("shop", "4") not in departures.backends
    assert ("shop", "5") in departures.backends
    assert "4" not in departures.listeners
    assert "5" in departures.listeners


def test_departures_that_are_packed_are_the_same() -> None:
    departures = Departures([("shop", "127.0.0.1:9")])
    gone = state(*BLOG, AddHttpFrontend(cluster="blog", hostname="blog.example"), LISTENER)
    departures.follow([Change(fact, None) for fact in gone.facts()])
    before = remembered(departures)

    departures.pack()

    assert remembered(departures) == before
    assert [len(keys) for keys in before] == [2, 1, 1, 1]


def remembered(departures: Departures) -> list[list[Any]]:
    return [list(keys) for keys in (departures.backends, departures.frontends, departures.listeners, departures.clusters)]
