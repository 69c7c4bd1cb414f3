import pytest

from sozu.command.commit import commit
from sozu.command.draft import Change
from sozu.command.edits.facts import BasicAuth, User
from sozu.command.facts import Frontend, LoadBalancing, Match, Position, Protocol, Timeouts
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    DeactivateListener,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
    UpdateSettings,
)
from sozu.command.planning.changes import alterations, counted
from sozu.command.planning.shadows import Shadow, shadows
from sozu.command.state import ConfigState

ONE, TWO = "127.0.0.1:8080", "127.0.0.1:8081"


def state(*orders: AnyOrder) -> ConfigState:
    listeners = (AddListener(protocol=Protocol.HTTP, address=address) for address in (ONE, TWO))
    return commit(ConfigState(), [*listeners, AddCluster(cluster="blog"), AddCluster(cluster="shop"), *orders]).state


def planned(before: ConfigState, *orders: AnyOrder) -> list[str]:
    return [str(row) for row in alterations(commit(before, orders).effects)]


def test_each_object_is_one_row_with_what_differs() -> None:
    before = state(
        AddHttpFrontend(cluster="blog", hostname="x.y", path="/old"),
        AddBackend(cluster="blog", address="127.0.0.1:1"),
    )

    assert planned(
        before,
        AddBackend(cluster="blog", address="127.0.0.1:1", weight=50),
        AddBackend(cluster="blog", address="127.0.0.1:2", id="b2", backup=True),
        RemoveHttpFrontend(cluster="blog", hostname="x.y", path="/old"),
        AddHttpFrontend(cluster="blog", hostname="x.y", path_exact="/new", listener=ONE),
        AddCluster(cluster="shop", load_balancing=LoadBalancing.RANDOM, timeouts=Timeouts(back=5)),
        UpdateSettings(max_connections=5),
    ) == [
        "~ backend 127.0.0.1:1 of cluster blog  weight: default -> 50",
        "+ backend 127.0.0.1:2 of cluster blog  id: b2  backup: yes",
        "- frontend x.y/old of cluster blog",
        f"+ frontend x.y/new (exactly) on {ONE} of cluster blog",
        "~ cluster shop  load_balancing: default -> random  timeouts: default -> {back: 5}",
        "~ settings for all  max_connections: as started -> 5",
    ]


def test_settings_change_and_neither_come_nor_go() -> None:
    overridden = state(UpdateSettings(max_connections=5))

    assert planned(overridden, UpdateSettings(max_connections=7)) == ["~ settings for all  max_connections: 5 -> 7"]
    assert planned(overridden, UpdateSettings(max_connections=None)) == ["~ settings for all  max_connections: 5 -> as started"]


def test_a_frontend_that_moves_is_one_change() -> None:
    before = state(AddHttpFrontend(cluster="blog", hostname="x.y"))

    assert planned(
        before,
        RemoveHttpFrontend(cluster="blog", hostname="x.y"),
        AddHttpFrontend(cluster="shop", hostname="x.y"),
    ) == ["~ frontend x.y/ of cluster shop  cluster: blog -> shop"]


def test_what_comes_and_goes_again_is_no_change() -> None:
    before = state(AddBackend(cluster="blog", address="127.0.0.1:1"))

    assert planned(before, AddBackend(cluster="shop", address="127.0.0.1:1"), RemoveBackend(cluster="shop", address="127.0.0.1:1")) == []
    assert planned(before, RemoveBackend(cluster="blog", address="127.0.0.1:1"), AddBackend(cluster="blog", address="127.0.0.1:1")) == []


def test_what_goes_with_its_cluster_is_told_too() -> None:
    before = state(AddBackend(cluster="blog", address="127.0.0.1:1"), AddHttpFrontend(cluster="blog", hostname="x.y"))
    rows = alterations(commit(before, [RemoveCluster(cluster="blog")]).effects)

    assert [str(row) for row in rows] == ["- frontend x.y/ of cluster blog", "- backend 127.0.0.1:1 of cluster blog", "- cluster blog"]
    assert counted(rows) == "0 to add, 0 to change, 3 to remove"


def test_a_frontend_for_all_listeners_is_shadowed_where_each_has_one_of_its_own() -> None:
    everywhere = AddHttpFrontend(cluster="blog", hostname="*.x.y", path="/api")
    own = [AddHttpFrontend(cluster="shop", hostname="*.x.y", path="/api", listener=address) for address in (ONE, TWO)]

    assert shadows(state(everywhere, own[0])) == []
    (shadow,) = shadows(state(everywhere, *own))
    assert shadow.by == (f"*.x.y/api on {ONE} of cluster shop", f"*.x.y/api on {TWO} of cluster shop")
    assert str(shadow).startswith("frontend *.x.y/api of cluster blog can never match: its requests go to *.x.y/api on")


def test_frontends_that_leave_each_other_something_are_not_shadowed() -> None:
    rules = [("*", "/"), ("x.y", "/"), ("x.y", "/api"), ("x.y", "/api/"), ("*.y", "/api")]
    frontends = [AddHttpFrontend(cluster="blog", hostname=host, path=path) for host, path in rules]

    assert shadows(state(*frontends, AddHttpFrontend(cluster="shop", hostname="x.y", path_exact="/"))) == []


def test_no_name_path_or_value_is_taken_for_one_that_nobody_asks_for() -> None:
    said = [
        AddHttpFrontend(cluster="blog", hostname="any-name.x.y"),
        AddHttpFrontend(cluster="blog", hostname="ANY-name-2.x.y"),
        AddHttpFrontend(cluster="blog", hostname="a.b", path_exact="/api"),
        AddHttpFrontend(cluster="blog", hostname="a.b", path_exact="/api/any-name"),
        AddHttpFrontend(cluster="blog", hostname="b.c", headers=(Match(name="beta", value="any-name"),)),
        AddHttpFrontend(cluster="blog", hostname="c.d", methods=("ANY", "ANY-NAME")),
    ]
    free = [
        AddHttpFrontend(cluster="shop", hostname="*.x.y"),
        AddHttpFrontend(cluster="shop", hostname="a.b", path="/api"),
        AddHttpFrontend(cluster="shop", hostname="b.c", headers=(Match(name="beta"),)),
        AddHttpFrontend(cluster="shop", hostname="c.d"),
    ]

    assert shadows(state(*said, *free)) == []


@pytest.mark.parametrize(
    "taker",
    [
        AddHttpFrontend(cluster="blog", hostname_regex=r"[a-m][^.]*\.x\.y", position=Position.PRE),
        AddHttpFrontend(cluster="blog", hostname="*.x.y", path_regex="/(|a.*)", position=Position.PRE),
        AddHttpFrontend(cluster="blog", hostname="*.x.y", headers=(Match(name="beta", regex="[a-m].*"),), position=Position.PRE),
    ],
)
def test_an_expression_that_takes_a_word_may_leave_others(taker: AddHttpFrontend) -> None:
    wildcard = AddHttpFrontend(cluster="shop", hostname="*.x.y", headers=(Match(name="beta"),))

    assert shadows(state(taker, wildcard)) == []


def test_an_expression_that_takes_all_that_there_is_leaves_nothing() -> None:
    taker = AddHttpFrontend(cluster="blog", hostname_regex="x[.]y", path_regex="/(a|b)", position=Position.PRE)

    assert [each.cluster for each in shadows(state(taker, AddHttpFrontend(cluster="shop", hostname="x.y", path_exact="/a")))] == ["shop"]


def test_conditions_leave_something_to_those_who_ask_less() -> None:
    some = [
        AddHttpFrontend(cluster="blog", hostname="x.y", methods=("GET", "POST")),
        AddHttpFrontend(cluster="blog", hostname="x.y", headers=(Match(name="beta", value="1"),)),
        AddHttpFrontend(cluster="blog", hostname="x.y", query=(Match(name="old", present=False),)),
        AddHttpFrontend(cluster="blog", hostname="x.y", cookies=(Match(name="user"),), position=Position.PRE),
        AddHttpFrontend(cluster="blog", hostname_regex="[a-z]+", path_regex="/x+"),
    ]

    assert shadows(state(*some, AddHttpFrontend(cluster="shop", hostname="x.y"))) == []


def test_who_stands_before_all_leaves_nothing_to_anybody() -> None:
    before = AddHttpFrontend(cluster="blog", hostname="*", position=Position.PRE)
    after = AddHttpFrontend(cluster="shop", hostname="x.y", methods=("GET",), headers=(Match(name="beta", value="1"),))

    assert [str(shadow) for shadow in shadows(state(before, after))] == [
        "frontend x.y/ for GET with header beta=1 of cluster shop can never match: its requests go to */ (pre) of cluster blog"
    ]


def test_a_frontend_of_a_listener_that_is_not_active_gets_nothing() -> None:
    asleep = state(AddHttpFrontend(cluster="blog", hostname="x.y", listener=ONE), DeactivateListener(protocol=Protocol.HTTP, address=ONE))

    assert shadows(asleep) == [Shadow(frontend=f"x.y/ on {ONE}", cluster="blog", why=f"the listener {ONE} is not active")]


def test_without_any_listener_nothing_is_told_of_frontends() -> None:
    bare = commit(ConfigState(), [AddCluster(cluster="a"), AddHttpFrontend(cluster="a", hostname="x.y")]).state

    assert shadows(bare) == []


def test_what_a_frontend_does_is_told_and_of_passwords_only_whose_they_are() -> None:
    secret = "$scrypt$ln=14,r=8,p=1$c2FsdHNhbHRzYWx0c2E$" + "aGFzaA" * 5
    auth = BasicAuth(users=(User(name="alice", hash=secret),))
    rows = alterations(commit(state(), [AddHttpFrontend(cluster="blog", hostname="x.y", deny=403)]).effects)
    (hidden,) = alterations([Change(None, Frontend(cluster="blog", hostname="x.y", path="/", basic_auth=auth))])

    assert rows[0].fields == {"deny": 403}
    assert "alice: password " in str(hidden)
    assert secret not in str(hidden)
