from typing import get_args

import msgspec
import pytest

from sozu.command.commit import Refused, commit
from sozu.command.facts import Frontend, Listener, LogLevel, Overrides, Protocol, Timeouts
from sozu.command.orders import (
    ActivateListener,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AddTcpFrontend,
    AnyOrder,
    DeactivateListener,
    RemoveCluster,
    RemoveTcpFrontend,
    UpdateListener,
    UpdateSettings,
    given,
)
from sozu.command.rules import RULES
from sozu.command.settings import Settings, in_force
from sozu.command.state import ConfigState, diff, orders_of, same_facts
from sozu.command.terms import Share

LISTENER = "127.0.0.1:8080"
HTTP = Protocol.HTTP


@pytest.fixture
def state() -> ConfigState:
    orders: list[AnyOrder] = [
        AddListener(protocol=HTTP, address=LISTENER),
        AddCluster(cluster="blog"),
        AddHttpFrontend(cluster="blog", hostname="x.y", listener=LISTENER),
    ]
    return commit(ConfigState(), orders).state


def refusal(state: ConfigState, order: AnyOrder) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refused:
        commit(state, [order])
    return refused.value.reason, refused.value.field


def test_a_listener_is_switched_off_and_on_and_keeps_its_frontends(state: ConfigState) -> None:
    off = commit(state, [DeactivateListener(protocol=HTTP, address=LISTENER)]).state

    assert off.listeners[LISTENER] == Listener(protocol=HTTP, address=LISTENER, active=False)
    assert off.frontends == state.frontends
    assert same_facts(commit(off, [ActivateListener(protocol=HTTP, address=LISTENER)]).state, state)


def test_an_update_changes_what_it_names_and_nothing_else(state: ConfigState) -> None:
    assert commit(state, [UpdateListener(protocol=HTTP, address=LISTENER)]).effects == ()
    off = commit(state, [UpdateListener(protocol=HTTP, address="127.0.0.1:8080", active=False)]).state

    assert not off.listeners[LISTENER].active


def test_a_listener_that_is_not_there_or_speaks_otherwise_is_not_changed(state: ConfigState) -> None:
    assert refusal(state, ActivateListener(protocol=HTTP, address="127.0.0.1:8081")) == (
        'there is no listener at 127.0.0.1:8081; did you mean "127.0.0.1:8080"?',
        "address",
    )
    assert refusal(state, UpdateListener(protocol=Protocol.TCP, address=LISTENER))[1] == "protocol"
    assert refusal(state, UpdateListener(protocol=HTTP, address=LISTENER, cluster="blog"))[1] == "cluster"


def test_settings_are_changed_one_by_one_and_null_takes_a_change_back(state: ConfigState) -> None:
    one = commit(state, [UpdateSettings(max_connections=5)]).state
    two = commit(one, [UpdateSettings(log_level=LogLevel.DEBUG)]).state
    back = commit(two, [UpdateSettings(max_connections=None, log_level=None)]).state

    assert two.override == Overrides(max_connections=5, log_level=LogLevel.DEBUG)
    assert same_facts(back, state)
    assert commit(state, [UpdateSettings(min_rate=None)]).effects == ()


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (UpdateSettings(max_connections=0), "max_connections"),
        (UpdateSettings(max_body_size=0), "max_body_size"),
        (UpdateSettings(min_rate=-1), "min_rate"),
        (UpdateSettings(timeouts=Timeouts(back=0)), "timeouts"),
    ],
)
def test_a_setting_without_sense_is_refused(state: ConfigState, order: AnyOrder, field: str) -> None:
    assert refusal(state, order)[1] == field


def test_changed_settings_are_a_part_of_the_state(state: ConfigState) -> None:
    changed = commit(state, [UpdateSettings(timeouts=Timeouts(back=5), min_rate=0)]).state

    assert same_facts(commit(ConfigState(), orders_of(changed)).state, changed)
    for one, other in ((state, changed), (changed, state)):
        assert same_facts(commit(one, diff(one, other)).state, other)


def test_what_an_order_leaves_out_is_no_part_of_its_json() -> None:
    assert msgspec.json.encode(UpdateSettings(min_rate=None)) == b'{"type":"update_settings","min_rate":null}'
    assert given(UpdateSettings(min_rate=None)) == {"min_rate": None}
    assert given(UpdateListener(protocol=HTTP, address="a", active=True), but=("protocol", "address")) == {"active": True}


def test_a_frontend_of_an_inactive_listener_may_be_added(state: ConfigState) -> None:
    orders: list[AnyOrder] = [
        DeactivateListener(protocol=HTTP, address=LISTENER),
        AddHttpFrontend(cluster="blog", hostname="z", listener=LISTENER),
    ]

    assert Frontend(cluster="blog", hostname="z", path="/", listener=LISTENER) in commit(state, orders).state.facts()


def test_orders_go_before_the_file_where_they_say_something() -> None:
    file = Settings(command_socket="/s", journal="/j", max_connections=5, min_rate=7)

    assert in_force(file, Overrides()) == file
    assert in_force(file, Overrides(max_connections=9, min_rate=0)) == msgspec.structs.replace(file, max_connections=9, min_rate=0)


TCP_LISTENER = "127.0.0.1:5432"


@pytest.fixture
def tcp(state: ConfigState) -> ConfigState:
    return commit(state, [AddListener(protocol=Protocol.TCP, address=TCP_LISTENER), AddCluster(cluster="other")]).state


def test_a_tcp_listener_is_led_to_a_cluster_and_away(tcp: ConfigState) -> None:
    led = commit(tcp, [AddTcpFrontend(cluster="blog", listener=TCP_LISTENER)]).state
    away = commit(led, [RemoveTcpFrontend(cluster="blog", listener=TCP_LISTENER)]).state

    assert led.listeners[TCP_LISTENER].cluster == "blog"
    assert same_facts(away, tcp)


def test_where_a_listener_leads_is_not_taken_by_surprise(tcp: ConfigState) -> None:
    led = commit(tcp, [AddTcpFrontend(cluster="blog", listener=TCP_LISTENER)]).state

    assert refusal(led, AddTcpFrontend(cluster="other", listener=TCP_LISTENER))[1] == "cluster"
    assert refusal(led, RemoveTcpFrontend(cluster="other", listener=TCP_LISTENER))[1] == "cluster"
    assert refusal(tcp, RemoveTcpFrontend(cluster="blog", listener=TCP_LISTENER)) == (f"the listener at {TCP_LISTENER} leads nowhere", "listener")
    assert refusal(tcp, AddTcpFrontend(cluster="blog", listener=LISTENER))[1] == "listener"
    assert refusal(tcp, AddTcpFrontend(cluster="blgo", listener=TCP_LISTENER))[1] == "cluster"


def test_a_listener_may_leave_a_cluster_that_is_gone(tcp: ConfigState) -> None:
    led = commit(tcp, [AddTcpFrontend(cluster="blog", listener=TCP_LISTENER), RemoveCluster(cluster="blog")]).state
    assert led.listeners[TCP_LISTENER].cluster == "blog"

    assert commit(led, [RemoveTcpFrontend(cluster="blog", listener=TCP_LISTENER)]).state.listeners[TCP_LISTENER].cluster is None
    assert commit(led, [AddTcpFrontend(cluster="other", listener=TCP_LISTENER)]).state.listeners[TCP_LISTENER].cluster == "other"
    assert 'leads to cluster "blog"' in refusal(led, RemoveTcpFrontend(cluster="other", listener=TCP_LISTENER))[0]
    assert 'no cluster "blgo"' in refusal(led, RemoveTcpFrontend(cluster="blgo", listener=TCP_LISTENER))[0]
    assert 'no cluster "blgo"' in refusal(led, AddTcpFrontend(cluster="blgo", listener=TCP_LISTENER))[0]


@pytest.mark.parametrize("shares", [(0.4, 99.4, 0.2), (33.3, 33.3, 33.4), (0.1,) * 1000, (100,)])
def test_shares_may_be_all(state: ConfigState, shares: tuple[float, ...]) -> None:
    split = tuple(Share(cluster=f"c{number}", share=share) for number, share in enumerate(shares))

    assert commit(state, [AddCluster(cluster="blog", split=split)]).state.clusters["blog"].split == split
    more = Share(cluster="more", share=1e-12)
    assert refusal(state, AddCluster(cluster="blog", split=(*split, more))) == ("shares of more than 100 percent in all", "split")


def test_networks_have_one_spelling(tcp: ConfigState) -> None:
    listener = commit(tcp, [AddListener(protocol=Protocol.TCP, address=TCP_LISTENER, proxy_from=("10.0.0.0/8", "192.0.2.1/32"))]).state.listeners

    assert listener[TCP_LISTENER].proxy_from == ("10.0.0.0/8", "192.0.2.1")


def test_there_is_a_rule_for_every_order() -> None:
    assert set(get_args(AnyOrder)) == set(RULES)
