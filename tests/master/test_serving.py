"""The life of a master, each test with one of its own: what it starts with, what it survives, how it ends."""

import os
from pathlib import Path
import signal
import socket
import time

import pytest

from sozu.command.client import Client
from sozu.command.orders import AddBackend, AddCluster
from sozu.command.requests import DumpState, HardStop, SoftStop
from tests.master.served import PATIENCE, Serve, Served


def until_workers(served: Served, *, fills: dict[int, int]) -> None:
    """Wait until these slots are running in these generations; each question takes a while by itself."""
    deadline = time.monotonic() + PATIENCE
    while {row["id"]: row["fills"] for row in served.workers() if row["state"] == "running"} != fills:
        assert time.monotonic() < deadline


def test_it_announces_where_it_listens_under_the_pid_that_was_started(serve: Serve) -> None:
    served = serve()
    status = served.status()

    assert served.told["pid"] == served.process.pid == status["pid"]
    assert served.told["listeners"] == [status["listeners"][0]["address"]]
    assert [row["state"] for row in status["workers"]] == ["running", "running"]
    assert served.socket.stat().st_mode & 0o777 == 0o600


def test_a_killed_worker_is_replaced_by_one_with_the_same_configuration(serve: Serve) -> None:
    served = serve(workers=1)
    served.ask(AddCluster(cluster="shop"))
    (before,) = served.workers()
    os.kill(before["pid"], signal.SIGKILL)
    slot, pid, revision = served.connect()
    (after,) = served.workers()

    assert (slot, revision) == (0, 2)
    assert after["pid"] == pid != before["pid"]
    assert after["clusters"] == ["blog", "shop"]


def test_connections_that_no_worker_had_accepted_survive_its_death(serve: Serve) -> None:
    served = serve(workers=1)
    host, _, port = served.told["listeners"][0].rpartition(":")
    pid = served.workers()[0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    waiting = [socket.create_connection((host, int(port)), PATIENCE) for _ in range(20)]
    os.kill(pid, signal.SIGKILL)
    takers = {connection.makefile().read().split()[1] for connection in waiting}
    for connection in waiting:
        connection.close()

    assert takers == {str(served.workers()[0]["pid"])}


def test_a_worker_that_confirms_too_late_is_replaced_and_named(serve: Serve) -> None:
    served = serve("--impatient")
    answers = served.ask(AddCluster(cluster="be-late"))
    until_workers(served, fills={0: 2, 1: 2})

    assert answers[-1].data == {"revision": 2, "late": [0, 1]}
    assert "not confirmed in time by worker" in answers[-1].message
    assert all("be-late" in row["clusters"] for row in served.workers() if row["state"] == "running")


def test_a_worker_that_cannot_follow_is_replaced(serve: Serve) -> None:
    served = serve(workers=1)
    assert served.ask(AddCluster(cluster="refuse"))[-1].data["late"] == [0]
    until_workers(served, fills={0: 2})


def test_a_worker_that_dies_of_a_transaction_does_not_keep_it_waiting(serve: Serve) -> None:
    served = serve(workers=1)
    assert served.ask(AddCluster(cluster="crash"))[-1].data == {"revision": 2, "late": []}
    until_workers(served, fills={0: 2})


def test_the_journal_brings_everything_back_with_the_same_ports(serve: Serve) -> None:
    first = serve()
    first.ask(AddBackend(cluster="blog", address="127.0.0.1:9002"))
    state = first.ask(DumpState())[-1].data
    first.ask(SoftStop(grace=1.0))
    first.wait()
    second = serve()

    assert second.ask(DumpState())[-1].data == state
    assert second.told["listeners"] == first.told["listeners"]
    assert second.told["difference"] == 1  # the file knows nothing of that backend


def test_the_file_wins_when_told_to(serve: Serve) -> None:
    first = serve()
    first.ask(AddBackend(cluster="blog", address="127.0.0.1:9002"))
    first.ask(SoftStop(grace=1.0))
    first.wait()
    second = serve("--apply")

    assert second.told["difference"] == 0
    assert second.told["revision"] == 3
    assert [order["type"] for order in second.journal[-1]["orders"]] == ["remove_backend"]


def test_a_soft_stop_by_a_tool_is_answered_before_the_master_ends(serve: Serve) -> None:
    served = serve()
    answers = served.ask(SoftStop(grace=1.0))

    assert answers[-1].message.startswith("stopped")
    assert served.wait() == 0
    assert not served.socket.exists()


def test_a_worker_that_does_not_drain_is_killed_after_its_grace(serve: Serve) -> None:
    served = serve("--ignore-drain", workers=1)
    served.ask(SoftStop(grace=0.1))

    assert served.wait() == 0
    assert "event=worker_killed" in served.log()


def test_a_hard_stop_does_not_wait(serve: Serve) -> None:
    served = serve("--ignore-drain")
    began = time.monotonic()
    served.ask(HardStop())

    assert served.wait() == 0
    assert time.monotonic() - began < 1.5


def test_sigterm_is_a_soft_stop_and_sigint_twice_a_hard_one(serve: Serve, tmp_path: Path) -> None:
    patient, stubborn = serve(), serve("--ignore-drain", folder=tmp_path / "other")
    patient.process.send_signal(signal.SIGTERM)
    assert patient.wait() == 0

    stubborn.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + PATIENCE
    while {row["state"] for row in stubborn.workers()} != {"draining"}:
        assert time.monotonic() < deadline
    with Client(stubborn.socket) as client, pytest.raises(Exception, match="the proxy is stopping; nothing was changed"):
        client.order(AddCluster(cluster="late"))
    stubborn.process.send_signal(signal.SIGINT)
    assert stubborn.wait() == 0


def test_sighup_has_the_workers_write_to_the_new_log(serve: Serve, tmp_path: Path) -> None:
    served = serve(workers=1, more="access_log: {path: ./access.log}\n")
    log = tmp_path / "access.log"
    log.rename(tmp_path / "access.log.1")
    served.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while not (log.exists() and log.read_text()):
        assert time.monotonic() < deadline
        served.status()

    assert log.read_text() == "reopened\n"


def test_two_masters_do_not_share_a_journal_nor_a_socket_nor_an_address(serve: Serve, tmp_path: Path) -> None:
    first = serve()
    same = serve()
    assert same.wait() == 3
    assert f"is in use by pid {first.process.pid}" in same.told["why"]

    other_journal = serve(folder=tmp_path / "a", more="journal: ../a.journal\n", text=with_socket(first.socket))
    assert "another master listens there" in other_journal.told["why"]

    same_address = serve(folder=tmp_path / "b", text=with_address(first.told["listeners"][0]))
    assert "another process listens on it; nothing was started" in same_address.told["why"]
    assert first.status()["revision"] == 1


def with_socket(path: Path) -> str:
    return f"command_socket: {path}\nworkers: {{workers}}\n"


def with_address(address: str) -> str:
    return f'workers: {{workers}}\nlisteners: [{{{{protocol: http, address: "{address}"}}}}]\n'


def test_workers_that_never_come_to_accept_end_the_start(serve: Serve) -> None:
    served = serve("--other-schema")

    assert "no worker came to accept" in served.told["why"]
    assert served.wait() == 3
    assert "speaks schema 2, this master 1" in served.log()


def test_a_master_that_is_killed_leaves_its_workers_serving(serve: Serve) -> None:
    served = serve(workers=1)
    (row,) = served.workers()
    served.process.kill()
    served.wait()
    try:
        assert served.connect()[1] == row["pid"]
    finally:
        os.kill(row["pid"], signal.SIGKILL)


def test_a_standard_output_that_takes_nothing_is_no_reason_not_to_serve(serve: Serve) -> None:
    served = serve("--full")

    assert {row["state"] for row in served.workers()} == {"running"}
    assert "event=not_announced" in served.log()
    assert "Traceback" not in served.log()


def test_the_prometheus_page_speaks_for_all_workers(serve: Serve) -> None:
    served = serve(more='metrics: {prometheus: "127.0.0.1:0"}\n')
    served.connect()
    port = int(served.status()["prometheus"].removeprefix("127.0.0.1:"))

    page = http(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert page.startswith("HTTP/1.1 200 OK\r\n")
    assert "sozu_workers_running 2.0" in page
    assert 'sozu_requests_total{worker="1"}' in page
    assert http(port, "GET / HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 404 ")
    assert http(port, "POST /metrics HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 405 ")
    assert http(port, "nonsense\r\n\r\n").startswith("HTTP/1.1 400 ")


def http(port: int, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(request.encode())
        return connection.makefile(newline="").read()


def test_a_listener_is_switched_off_and_on_while_the_others_serve(serve: Serve) -> None:
    served = serve()
    served.ask({"type": "add_listener", "protocol": "http", "address": "127.0.0.1:0"})
    address = served.status()["listeners"][1]["address"]
    assert served.connect(address)
    served.ask({"type": "deactivate_listener", "protocol": "http", "address": address})

    assert [each["active"] for each in served.status()["listeners"]] == [True, False]
    assert served.connect()
    served.ask({"type": "update_listener", "protocol": "http", "address": address, "active": True})
    assert served.connect(address)


def test_settings_that_were_changed_are_in_force_after_a_restart(serve: Serve) -> None:
    first = serve()
    first.ask({"type": "update_settings", "max_connections": 7, "log_level": "error"})
    first.close()
    told = serve().status()

    assert told["overrides"] == {"max_connections": 7, "log_level": "error"}
    assert told["settings"]["command_socket"].endswith("sozu.sock")
