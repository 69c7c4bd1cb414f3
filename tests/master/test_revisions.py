"""The configuration as a whole: planned, applied, kept, put back, gone back to; one master for all tests that leave it as it was."""

from collections.abc import Iterator, Sequence
import os
from pathlib import Path
import stat
from typing import Any

import pytest

from sozu.command.client import Client, RequestRefused
from sozu.command.facts import Position, Protocol
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AddListener, AnyOrder
from tests.master.served import PATIENCE, Served

NEW = AddBackend(cluster="blog", address="127.0.0.1:9009")


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.socket, timeout=PATIENCE) as client:
        yield client


def planned(client: Client, orders: Sequence[AnyOrder], *, whole: bool = True) -> tuple[list[str], Any]:
    with client.transaction() as transaction:
        transaction.orders(orders)
        transaction.whole = whole
        rows, final = transaction.plan()
        transaction.abandon()
    return [f"{row['sign']} {row['kind']} {row['name']}" for row in rows], final


def refusal(client: Client, request: dict[str, Any]) -> str:
    with pytest.raises(RequestRefused) as refused:
        client.order(request)
    return str(refused.value)


def test_a_plan_tells_what_apply_then_does(client: Client) -> None:
    before, state = client.revision, client.state()
    rows, final = planned(client, [*state, NEW])
    assert rows == ["+ backend 127.0.0.1:9009"]
    assert final.message == f"1 to add, 0 to change, 0 to remove; 0 exchanges and 0 tunnels on backends that go, which may end (at revision {before})"
    assert client.revision == before

    done = client.apply([*state, NEW])
    assert done.message == f"revision {before + 1}: committed, confirmed by 2 workers; 1 added, 0 changed, 0 removed"
    client.apply(state)


def test_to_become_what_it_is_is_nothing_to_do(client: Client) -> None:
    before = client.revision

    assert planned(client, client.state())[1].message == f"nothing to do (at revision {before})"
    assert client.apply(client.state()).message == f"nothing to do (still at revision {before})"
    assert client.revision == before


def test_port_0_is_the_port_that_there_is(client: Client) -> None:
    orders = [
        AddListener(protocol=Protocol.HTTP, address="127.0.0.1:0") if isinstance(order, AddListener) else order
        for order in client.state()
    ]

    assert planned(client, orders)[0] == []


def test_a_plan_counts_what_runs_on_backends_that_go(client: Client) -> None:
    gone = [order for order in client.state() if not isinstance(order, AddBackend)]
    rows, final = planned(client, gone)

    assert rows == ["- backend 127.0.0.1:9001"]
    # Each of the two scripted workers tells of three, one of which is a tunnel.
    assert final.data["touched"] == {"exchanges": 4, "tunnels": 2}


def test_a_plan_names_frontends_that_could_never_match(client: Client) -> None:
    pre = AddHttpFrontend(cluster="blog", hostname="*", position=Position.PRE)
    _, final = planned(client, [pre], whole=False)

    assert [shadow["frontend"] for shadow in final.data["shadowed"]] == ["blog.example.com/"]


def test_what_could_not_be_committed_cannot_be_planned_and_the_order_is_named(client: Client) -> None:
    with pytest.raises(RequestRefused, match=r"order 2 of 2 \(add_backend\): there is no cluster \"nobody\"") as refused:
        planned(client, [AddCluster(cluster="a"), AddBackend(cluster="nobody", address="127.0.0.1:1")])

    assert refused.value.answer.data == {"index": 1, "field": "cluster", "code": "unknown-cluster"}
    with pytest.raises(RequestRefused, match=r"order 1 of 2 .*nothing was changed \(still at revision"):
        client.apply([AddBackend(cluster="nobody", address="127.0.0.1:1"), AddCluster(cluster="a")])


def test_the_log_tells_who_changed_what(client: Client) -> None:
    client.order(AddCluster(cluster="logged"))
    client.order({"type": "remove_cluster", "cluster": "logged"})
    *parts, final = client.ask({"type": "log", "last": 2})
    rows = [row for part in parts for row in part.data["revisions"]]

    assert [row["revision"] for row in rows] == [final.data["revision"] - 1, final.data["revision"]]
    assert rows[0]["orders"] == [{"type": "add_cluster", "cluster": "logged"}]
    assert "pytest" in rows[0]["command"]
    assert [answer.data for answer in client.ask({"type": "log", "last": 0})] == [{"revision": client.revision}]


def test_the_log_of_one_revision_has_all_its_orders(client: Client) -> None:
    many: list[AnyOrder] = [AddBackend(cluster="blog", address=f"127.0.0.1:{port}") for port in range(1, 21)]
    revision = client.commit(many).data["revision"]
    told = client.order({"type": "log", "revision": revision}).data
    client.rollback(revision - 1)

    assert len(told["orders"]) == told["count"] == 20
    assert "does not tell what revision 99999 was" in refusal(client, {"type": "log", "revision": 99_999})


def test_a_rollback_is_a_new_revision_that_can_be_taken_back(client: Client) -> None:
    before, state = client.revision, client.state()
    client.order(NEW)
    told = client.rollback(before)

    assert told.message == f"revision {before + 2}: committed, confirmed by 2 workers; 0 added, 0 changed, 1 removed"
    assert client.state() == state
    client.rollback(before + 1)
    assert NEW.address in [order.address for order in client.state() if isinstance(order, AddBackend)]
    client.rollback(before)


def test_a_rollback_is_told_before_it_is_done(client: Client) -> None:
    before = client.revision
    client.order(NEW)
    *parts, final = client.ask({"type": "rollback", "revision": before, "dry_run": True})

    assert [row["sign"] for part in parts for row in part.data["changes"]] == ["-"]
    assert final.data["revision"] == client.revision == before + 1
    client.rollback(before)


def test_to_a_revision_that_never_was_there_is_no_way_back(client: Client) -> None:
    assert "does not tell what revision 99999 was" in refusal(client, {"type": "rollback", "revision": 99_999})
    assert f"still at revision {client.revision}" in refusal(client, {"type": "rollback", "revision": -1})


def test_a_state_is_saved_over_nothing_but_a_regular_file(client: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("saved")
    for name in ("pipe", "link"):
        with pytest.raises(RequestRefused, match="was not written: it is not a regular file"):
            client.order({"type": "save_state", "path": str(tmp_path / name)})
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_saved_state_is_0600_and_can_be_put_back(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "saved"
    path.write_text("what was there before")
    state, saved = client.state(), client.order({"type": "save_state", "path": str(path)})
    client.order(NEW)
    *_, dry = client.ask({"type": "load_state", "path": str(path), "dry_run": True})
    loaded = client.order({"type": "load_state", "path": str(path)})

    assert saved.data["path"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert dry.message.startswith("0 to add, 0 to change, 1 to remove")
    assert loaded.message.endswith("0 added, 0 changed, 1 removed")
    assert client.state() == state
    assert [each.name for each in tmp_path.iterdir()] == ["saved"]


def test_a_damaged_state_is_not_loaded_and_the_line_is_named(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "saved"
    client.order({"type": "save_state", "path": str(path)})
    path.write_bytes(path.read_bytes().replace(b"9001", b"9801"))
    before = client.revision

    assert refusal(client, {"type": "load_state", "path": str(path)}).startswith(f"{path}:1: damaged: its check does not fit")
    assert "No such file" in refusal(client, {"type": "load_state", "path": str(tmp_path / "none")})
    path.write_bytes(b"")
    assert "it is empty" in refusal(client, {"type": "load_state", "path": str(path)})
    assert client.revision == before


def test_where_a_state_cannot_be_written_is_said(client: Client, tmp_path: Path) -> None:
    assert "No such file or directory" in refusal(client, {"type": "save_state", "path": str(tmp_path / "no" / "folder")})
    for verb in ("save_state", "load_state"):
        assert "is not absolute" in refusal(client, {"type": verb, "path": "saved"})


def test_what_is_not_an_order_is_not_collected(client: Client) -> None:
    with client.transaction() as transaction:
        with pytest.raises(RequestRefused, match=r"collect: orders.1: type: unknown verb \"status\""):
            client.order({"type": "collect", "orders": [{"type": "add_cluster", "cluster": "a"}, {"type": "status"}]})
        with pytest.raises(RequestRefused, match="an order is an object with a type"):
            client.order({"type": "collect", "orders": [5]})
        assert planned_nothing(transaction.plan()[1].message)
        transaction.abandon()
    assert "no transaction has begun" in refusal(client, {"type": "collect", "orders": []})


def planned_nothing(message: str) -> bool:
    return message.startswith("nothing to do")


def test_a_guarded_change_is_refused_after_another(client: Client) -> None:
    with pytest.raises(RequestRefused, match="is in force, not 1; nothing was changed"):
        client.apply([], if_revision=1)
    with pytest.raises(RequestRefused, match="is in force, not 1"):
        client.order({"type": "rollback", "revision": 1, "if_revision": 1})
    assert f"still at revision {client.revision}" in refusal(client, {"type": "rollback", "revision": 1, "if_revision": 1})
