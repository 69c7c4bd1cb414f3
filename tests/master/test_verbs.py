"""What a tool hears, verb by verb, from one master that all these tests share."""

import json
import socket
from typing import Any

import pytest

from sozu.command.client import Client, RequestRefused
from sozu.command.facts import Protocol
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    Order,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
)
from sozu.command.requests import Abort, Begin, Commit, DumpState, ListWorkers, Metrics, Request, SoftStop
from tests.master.served import PATIENCE, Served


def refusal(served: Served, request: Order | Request | dict[str, Any]) -> str:
    with pytest.raises(RequestRefused) as refused:
        served.ask(request)
    return refused.value.answer.message


def revision(served: Served) -> int:
    number: int = served.status()["revision"]
    return number


def untouched(served: Served) -> str:
    return f"nothing was changed (still at revision {revision(served)})"


def raw(served: Served, *messages: bytes) -> list[dict[str, Any]]:
    """Send these bytes, end the sending side, and read every answer."""
    with socket.socket(socket.AF_UNIX) as tool:
        tool.settimeout(PATIENCE)
        tool.connect(str(served.socket))
        tool.sendall(b"".join(messages))
        tool.shutdown(socket.SHUT_WR)
        answers = tool.makefile("rb").read()
    return [json.loads(frame) for frame in answers.split(b"\0")[:-1]]


def test_an_order_is_a_transaction_that_each_worker_confirms(served: Served) -> None:
    before = revision(served)
    answers = served.ask(AddCluster(cluster="one"))

    assert [answer.status for answer in answers] == ["PROCESSING", "PROCESSING", "OK"]
    assert {answer.data["worker"] for answer in answers[:-1]} == {0, 1}
    assert {answer.data["revision"] for answer in answers} == {before + 1}
    assert answers[-1].message == f"revision {before + 1}: committed, confirmed by 2 workers"


def test_the_journal_knows_who_changed_what(served: Served) -> None:
    served.ask(AddCluster(cluster="signed"))
    record = served.journal[-1]

    assert record["orders"] == [{"type": "add_cluster", "cluster": "signed"}]
    assert "pytest" in record["command"]


def test_a_refused_order_changes_nothing_and_says_so(served: Served) -> None:
    assert refusal(served, AddBackend(cluster="blgo", address="127.0.0.1:1")).endswith(f"; {untouched(served)}")
    assert 'there is no cluster "blgo"' in refusal(served, RemoveCluster(cluster="blgo"))


def test_many_orders_are_one_revision(served: Served) -> None:
    before = revision(served)
    with Client(served.socket) as client:
        final = client.commit([AddCluster(cluster="t1"), AddCluster(cluster="t2")], if_revision=before)

    assert final.data == {"revision": before + 1, "late": []}


def test_a_transaction_is_refused_whole_and_names_the_order(served: Served) -> None:
    with Client(served.socket) as client, pytest.raises(RequestRefused) as refused:
        client.commit([AddCluster(cluster="t3"), RemoveCluster(cluster="nobody")])

    assert refused.value.answer.message.startswith("order 2 of 2 (remove_cluster): there is no cluster")
    assert refused.value.answer.data == {"index": 1, "field": "cluster", "code": "unknown-cluster"}
    assert "no cluster" in refusal(served, RemoveCluster(cluster="t3"))


def test_a_transaction_for_another_revision_is_refused(served: Served) -> None:
    with Client(served.socket) as client, pytest.raises(RequestRefused, match="is in force, not 1; nothing was changed"):
        client.commit([AddCluster(cluster="t4")], if_revision=1)


def test_a_transaction_of_nothing_makes_no_revision(served: Served) -> None:
    with Client(served.socket, timeout=PATIENCE) as client:
        before = client.revision
        with client.transaction() as transaction:
            pass

        assert transaction.outcome.message == f"nothing to do (still at revision {before})"
        assert client.revision == before
        client.order({"type": "begin"})
        with pytest.raises(RequestRefused, match="is in force, not"):
            client.order({"type": "commit", "if_revision": before + 1})


def test_an_aborted_transaction_is_forgotten(served: Served) -> None:
    with Client(served.socket) as client:
        client.order(Begin())
        client.order(AddCluster(cluster="t5"))
        assert client.order(Abort()).message == "forgot 1 order; nothing was changed"
        with pytest.raises(RequestRefused, match="no transaction has begun"):
            client.order(Commit())


def test_a_connection_has_one_transaction_at_a_time(served: Served) -> None:
    with Client(served.socket) as client:
        client.order(Begin())
        with pytest.raises(RequestRefused, match="has begun already"):
            client.order(Begin())


def test_a_transaction_that_was_not_committed_ends_with_its_connection(served: Served) -> None:
    before = revision(served)
    with Client(served.socket) as client:
        client.order(Begin())
        client.order(AddCluster(cluster="t6"))

    assert revision(served) == before


def test_a_removed_backend_is_waited_for_until_its_last_exchange(served: Served) -> None:
    served.ask(AddBackend(cluster="blog", address="127.0.0.1:7001"))
    with Client(served.socket) as client:
        answers = client.ask(RemoveBackend(cluster="blog", address="127.0.0.1:7001", wait=True))
        heard = [next(answers).message for _ in range(3)]
        totals = [next(answers).data["exchanges"] for _ in range(2)]
        served.ask(Metrics())  # ends the exchanges of the scripted workers
        *_, final = answers

    assert heard[2].endswith("127.0.0.1:7001 of cluster blog gets no new requests; waiting for those it has")
    assert set(totals) <= {1, 2, 3, 4}
    assert final.message.endswith("127.0.0.1:7001 of cluster blog may be stopped now")


def test_who_lost_the_wait_may_ask_again(served: Served) -> None:
    order = RemoveBackend(cluster="blog", address="127.0.0.1:7002", wait=True)
    served.ask(AddBackend(cluster="blog", address="127.0.0.1:7002"))
    with Client(served.socket) as client:
        next(client.ask(order))
    with Client(served.socket) as client:
        answers = client.ask(order)
        next(answers)
        served.ask(Metrics())
        *_, final = answers

    assert final.message.endswith("may be stopped now")
    assert "has no backend 127.0.0.1:7009" in refusal(served, RemoveBackend(cluster="blog", address="127.0.0.1:7009", wait=True))


def test_a_wait_in_a_transaction_begins_when_it_is_committed(served: Served) -> None:
    served.ask(AddBackend(cluster="blog", address="127.0.0.1:7003"))
    with Client(served.socket) as client:
        client.order(Begin())
        client.order(RemoveBackend(cluster="blog", address="127.0.0.1:7003", wait=True))
        answers = client.ask(Commit())
        while "waiting" not in next(answers).message:
            continue
        served.ask(Metrics())
        *_, final = answers

    assert final.message.endswith("127.0.0.1:7003 of cluster blog may be stopped now")


def test_listeners_come_and_go_while_it_serves(served: Served) -> None:
    added = served.ask(AddListener(protocol=Protocol.HTTP, address="127.0.0.1:0"))[-1]
    address = served.status()["listeners"][-1]["address"]
    assert added.data["listeners"] == [address]
    assert added.message.endswith(f"; listens on {address}")
    taker = served.connect(address)
    served.ask(RemoveListener(protocol=Protocol.HTTP, address=address))

    assert taker[0] in (0, 1)
    with pytest.raises(ConnectionRefusedError):
        served.connect(address)
    again = served.ask(AddListener(protocol=Protocol.HTTP, address=address))[-1]
    assert "listeners" not in again.data
    assert served.connect(address)
    served.ask(RemoveListener(protocol=Protocol.HTTP, address=address))


def test_a_listener_on_a_taken_port_is_refused_before_anything_moves(served: Served) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        message = refusal(served, AddListener(protocol=Protocol.HTTP, address=address))

    assert message == f"cannot listen on {address}: another process listens on it; {untouched(served)}"


def test_the_state_is_dumped_as_the_orders_that_rebuild_it(served: Served) -> None:
    dumped = served.ask(DumpState())[-1].data

    assert dumped["revision"] == revision(served)
    assert dumped["orders"][0]["type"] == "add_listener"
    assert {"type": "add_cluster", "cluster": "blog"} in dumped["orders"]


def test_a_large_state_comes_in_several_messages(served: Served) -> None:
    paths = [f"/{number}/{'long' * 2000}" for number in range(300)]
    with Client(served.socket, timeout=PATIENCE) as client:
        client.commit([AddHttpFrontend(cluster="blog", hostname="a.example", path=path) for path in paths])
        parts = [answer.data["orders"] for answer in client.ask(DumpState())]
        client.commit([RemoveHttpFrontend(cluster="blog", hostname="a.example", path=path) for path in paths])

    assert len(parts) > 1
    assert {order.get("path") for part in parts for order in part} >= set(paths)


def test_workers_are_listed_with_their_own_figures(served: Served) -> None:
    rows = served.ask(ListWorkers())[-1].data

    assert [(row["id"], row["state"], row["fills"]) for row in rows] == [(0, "running", 1), (1, "running", 1)]
    assert all(row["connections"] == 0 for row in rows)


def test_metrics_are_given_per_worker_and_added_up(served: Served) -> None:
    data = served.ask(Metrics())[-1].data

    assert set(data["workers"]) == {"0", "1"}
    assert data["total"]["latency"]["counts"][1] == 2
    assert data["total"]["latency"]["bounds"] == [0.1, 1.0]


def test_a_grace_that_makes_no_sense_stops_nothing(served: Served) -> None:
    assert "nothing was done" in refusal(served, SoftStop(grace=-1.0))


def test_an_unknown_verb_is_answered_with_its_id_and_the_nearest_one(served: Served) -> None:
    (answer,) = raw(served, b'{"id": "7", "type": "statsu"}\0')

    assert (answer["id"], answer["status"]) == ("7", "ERROR")
    assert "status" in answer["message"]
    assert answer["message"].endswith("nothing was changed")


def test_what_is_no_json_is_answered_and_the_conversation_goes_on(served: Served) -> None:
    first, second = raw(served, b"nonsense\0", b'{"id": "2", "type": "status"}\0')

    assert first["status"] == "ERROR"
    assert second["status"] == "OK"


def test_a_frame_beyond_the_limit_ends_the_conversation(served: Served) -> None:
    (answer,) = raw(served, b"x" * (2 * 1024 * 1024 + 10))

    assert answer["status"] == "ERROR"
    assert "not a frame" in answer["message"]


def test_pipelined_orders_are_carried_out_in_their_order(served: Served) -> None:
    before = revision(served)
    orders = [b'{"id": "%d", "type": "add_cluster", "cluster": "p%d"}\0' % (number, number) for number in range(100)]
    final = [answer for answer in raw(served, *orders) if answer["status"] == "OK"]

    assert {answer["id"]: answer["data"]["revision"] for answer in final} == {
        str(number): before + 1 + number for number in range(100)
    }


def test_a_tool_that_does_not_read_holds_up_nobody(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(served.socket))
        deaf.settimeout(0.2)
        with pytest.raises(TimeoutError):
            send_without_end(deaf)  # until its answers fill every buffer, and the master stops reading from it

        assert served.ask(AddCluster(cluster="still-here"))[-1].status == "OK"


def send_without_end(tool: socket.socket) -> None:
    while True:
        tool.sendall(b'{"id": "1", "type": "dump_state"}\0' * 100)


def test_a_tool_that_leaves_in_the_middle_changes_nothing_for_others(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as hasty:
        hasty.connect(str(served.socket))
        hasty.sendall(b'{"id": "1", "type": "add_cluster", "cluster": "hasty"}\0{"id": "2", "ty')

    with Client(served.socket) as client:
        client.order(AddCluster(cluster="hasty"))
    assert served.ask(ListWorkers())[-1].status == "OK"


def test_a_removed_cluster_is_waited_for_until_the_last_exchange_of_its_backends(served: Served) -> None:
    served.ask(AddCluster(cluster="busy"))
    served.ask(AddBackend(cluster="busy", address="127.0.0.1:7101"))
    order = {"type": "remove_cluster", "cluster": "busy", "wait": True}
    with Client(served.socket) as client:
        client.commit([RemoveBackend(cluster="busy", address="127.0.0.1:7101")])
        *_, waiting, final = client.ask(order)

    assert waiting.message.endswith("cluster busy gets no new requests; waiting for those it has")
    assert final.message.endswith("cluster busy may be stopped now")


def test_a_removed_listener_is_waited_for_until_its_last_session(served: Served) -> None:
    served.ask({"type": "add_listener", "protocol": "http", "address": "127.0.0.1:0"})
    address = served.status()["listeners"][-1]["address"]
    order = {"type": "remove_listener", "protocol": "http", "address": address, "wait": True}
    for _ in range(2):  # who lost the wait may ask again
        with Client(served.socket) as client:
            answers = client.ask(order)
            sessions = next(answer for answer in answers if answer.data and "sessions" in answer.data)
            served.ask(Metrics())  # ends the sessions of the scripted workers
            *_, final = answers
        assert sessions.data["sessions"] in (2, 4)
        assert final.message.endswith(f"listener {address} may be stopped now")
    assert "there is no listener at 127.0.0.1:9" in refusal(served, {**order, "address": "127.0.0.1:9"})


def test_the_digest_of_the_state_is_told_when_it_is_asked_for(served: Served) -> None:
    told = served.ask({"type": "status", "digest": True})[-1].data

    assert len(told["digest"]) == 16
    assert told["digests"] == {"0": "scripted", "1": "scripted"}
    assert "digest" not in served.status()


def test_a_removed_frontend_is_waited_for_and_may_be_asked_for_again(served: Served) -> None:
    name = {"cluster": "blog", "hostname": "leaving.example"}
    served.ask({"type": "add_http_frontend", **name})
    for _ in range(2):
        with Client(served.socket) as client:
            answers = client.ask({"type": "remove_http_frontend", **name, "wait": True})
            running = next(answer for answer in answers if answer.data and "sessions" in answer.data)
            served.ask({"type": "metrics"})  # ends what the scripted workers do
            *_, final = answers
        assert running.message.endswith("through leaving.example/")
        assert final.message.endswith("frontend leaving.example/ of cluster blog may be stopped now")
    assert "has no frontend" in refusal(served, {"type": "remove_http_frontend", "cluster": "blog", "hostname": "never.example", "wait": True})
