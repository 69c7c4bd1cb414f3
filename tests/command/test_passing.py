"""Frontends that pass connections on unopened: the rules for them, and who gets which name."""

from collections.abc import Callable

import pytest

from sozu.command.commit import Refused, commit
from sozu.command.draft import Change
from sozu.command.facts import Frontend, Protocol
from sozu.command.orders import (
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AddTcpFrontend,
    AnyOrder,
    RemoveHttpFrontend,
    RemoveTcpFrontend,
)
from sozu.command.planning.explaining import asked_of, explain
from sozu.command.planning.shadows import shadows
from sozu.command.routes import RouteTable
from sozu.command.routing.passing import PassingTable
from sozu.command.rules.names import frontend_name
from sozu.command.settings import Settings
from sozu.command.state import ConfigState, orders_of

HTTP, HTTPS, TCP = "127.0.0.1:80", "127.0.0.1:443", "127.0.0.1:5432"
LISTENERS = [AddListener(protocol=protocol, address=address) for protocol, address in zip(Protocol, (HTTP, HTTPS, TCP), strict=True)]
BASE: list[AnyOrder] = [*LISTENERS, *(AddCluster(cluster=name) for name in ("one", "two", "web"))]


def passed(cluster: str, hostname: str, **more: object) -> AddHttpFrontend:
    return AddHttpFrontend(cluster=cluster, hostname=hostname, passthrough=True, **more)  # type: ignore[arg-type]


def state(*orders: AnyOrder) -> ConfigState:
    return commit(ConfigState(), [*BASE, *orders]).state


def table(*orders: AnyOrder) -> Callable[..., str | None]:
    made = state(*orders)
    found = PassingTable().after([Change(None, fact) for fact in made.facts()])
    routes = RouteTable.of(made)

    def cluster(name: str | None, listener: str = HTTPS) -> str | None:
        tcp = listener == TCP
        frontend = found.find(listener, name, shared=not tcp, is_served=(lambda _: False) if tcp else routes.has_hostname)
        return None if frontend is None else frontend.cluster

    return cluster


def test_the_most_specific_name_decides_whether_and_to_whom() -> None:
    find = table(
        passed("one", "*.a.example"),
        passed("two", "b.a.example"),
        AddHttpFrontend(cluster="web", hostname="www.a.example"),
        AddHttpFrontend(cluster="web", hostname="*.b.example"),
        AddHttpFrontend(cluster="web", hostname="b.a.example"),
    )
    names = ["x.a.example", "b.a.example", "www.a.example", "a.example", "x.y.a.example", "x.b.example", "192.0.2.1", None]
    assert [find(name) for name in names] == ["one", "two", None, None, None, None, None, None]


def test_every_host_takes_what_nobody_is_more_specific_for() -> None:
    find = table(passed("one", "*"), AddHttpFrontend(cluster="web", hostname="*"), AddHttpFrontend(cluster="web", hostname="a.example"))
    assert [find(name) for name in ("a.example", "b.example", "192.0.2.1", None)] == [None, "one", "one", "one"]


def test_one_for_the_listener_alone_goes_before_one_for_all_and_a_tcp_listener_has_its_own() -> None:
    find = table(passed("one", "a.example"), passed("two", "a.example", listener=HTTPS), passed("web", "b.example", listener=TCP))
    assert find("a.example") == "two"
    assert find("b.example") is None
    assert [find(name, TCP) for name in ("a.example", "b.example")] == [None, "web"]


def test_what_goes_is_passed_on_no_more() -> None:
    one, two = (Frontend(cluster="one", hostname=name, listener=TCP, passthrough=True) for name in ("a.example", "b.example"))
    found = PassingTable().after([Change(None, one), Change(None, two)]).after([Change(one, None)])
    assert list(found.frontends.values()) == [two]
    assert found.own == {TCP}
    assert found.after([Change(None, Frontend(cluster="one", hostname="c", path="/"))]) is found


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (passed("one", "a.example", path="/api"), "what is passed through is not looked at"),
        (passed("one", "a.example", methods=("GET",)), "what is passed through is not looked at"),
        (passed("one", "a.example", deny=403), "what is passed through is not looked at"),
        (passed("one", "a.example", certificate="0" * 64), "what is passed through is not looked at"),
        (AddHttpFrontend(cluster="one", hostname_regex=".*", passthrough=True), "passthrough needs a hostname"),
    ],
)
def test_a_passthrough_asks_and_does_nothing_else(order: AnyOrder, why: str) -> None:
    with pytest.raises(Refused, match=why):
        state(order)


def test_tcp_frontends_with_a_hostname_are_the_same() -> None:
    made = state(AddTcpFrontend(cluster="one", listener=TCP, hostname="DB.example"))
    assert made.frontends == state(passed("one", "db.example", listener=TCP)).frontends
    (frontend,) = made.frontends.values()
    assert frontend_name(frontend) == f"db.example (passed through) on {TCP}"
    for removal in (RemoveTcpFrontend(cluster="one", listener=TCP, hostname="db.example"), RemoveHttpFrontend(cluster="one", hostname="db.example", listener=TCP, passthrough=True)):
        assert not commit(made, [removal]).state.frontends


def test_requests_are_routed_as_if_there_were_none() -> None:
    made = state(passed("one", "a.example"), AddHttpFrontend(cluster="web", hostname="a.example"))
    assert len(made.frontends) == 2
    route = RouteTable.of(made).find(HTTP, b"a.example", b"/")
    assert route is not None
    assert route.cluster.cluster == "web"
    assert not shadows(made)
    assert commit(ConfigState(), orders_of(made)).state.frontends == made.frontends


def test_plans_tell_frontends_at_listeners_that_know_no_such_thing() -> None:
    found = shadows(state(passed("one", "a.example", listener=HTTP), AddHttpFrontend(cluster="one", hostname="a.example", listener=TCP)))
    assert [shadow.why for shadow in found] == [
        f"the listener {HTTP} speaks http, and there is no handshake to pass on",
        f"the listener {TCP} speaks tcp, and it knows hostnames only with passthrough",
    ]


def test_explain_tells_who_gets_the_connection() -> None:
    made = state(passed("one", "a.example"))
    plain, tls = explain(made, Settings(command_socket="/s", journal="/j"), asked_of("a.example/"))
    assert plain.cluster is None
    assert (tls.listeners, tls.cluster) == ((HTTPS,), "one")
    assert tls.answer == "its connection is passed on to cluster one, unopened"
