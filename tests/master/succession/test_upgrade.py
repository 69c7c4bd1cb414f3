"""Upgrades of a whole master with scripted workers: what they change, and what bad code on the disk does not."""

import os
from pathlib import Path
import resource
import signal
import socket
import time
from typing import NoReturn

import pytest

from sozu import __version__
from sozu.command.client import Client, RequestRefused
from sozu.command.facts import Protocol
from sozu.command.orders import AddBackend, AddCluster, AddListener, RemoveListener, UpdateSettings
from sozu.command.requests import Begin, Commit, DumpState, Metrics, UpgradeMaster, UpgradeWorker
from sozu.master.succession.estate import missing, names_left
from sozu.master.succession.trial import perform
from sozu.master.succession.upgrade import Job
from sozu.master.tools.tool import Declined
from tests.master.serve_scripted import put_on_disk
from tests.master.served import PATIENCE, Serve, Served
from tests.procfs import children, descriptors


def story(served: Served, request: UpgradeMaster | UpgradeWorker) -> list[str]:
    return [answer.message for answer in served.ask(request)]


def pids(served: Served) -> list[int]:
    return [row["pid"] for row in served.workers() if row["state"] == "running"]


def test_one_worker_is_replaced_and_the_story_told(serve: Serve) -> None:
    served = serve()
    before = pids(served)
    told = story(served, UpgradeWorker(worker=0))
    after = pids(served)

    assert told == [
        "worker 0: a newcomer of the code on disk starts",
        f"worker 0 (pid {after[0]}) accepts, worker 0 (pid {before[0]}) accepts no more and finishes what it has",
        *[each for each in told if each.startswith(f"still finishing: worker 0 (pid {before[0]})")],
        f"upgraded: 1 worker runs version {__version__}",
    ]
    assert after[1] == before[1]
    assert not Path(f"/proc/{before[0]}").exists()


def test_whoever_serves_collects_garbage_again(serve: Serve) -> None:
    served = serve()
    story(served, UpgradeMaster())
    served.process.terminate()
    served.wait()

    assert served.log().endswith("ended with the collector on\n")


def test_a_slot_that_does_not_exist_is_refused(serve: Serve) -> None:
    served = serve()
    with pytest.raises(RequestRefused, match="there is no worker 7; they are 0 to 1; nothing was changed"):
        served.ask(UpgradeWorker(worker=7))


def test_the_master_keeps_its_pid_its_state_and_its_addresses(serve: Serve) -> None:
    served = serve(more='metrics: {prometheus: "127.0.0.1:0"}\naccess_log: {path: ./access.log}\n')
    served.ask(AddCluster(cluster="shop"))
    before, workers, state = served.status(), pids(served), served.ask(DumpState())[-1].data
    told = story(served, UpgradeMaster())
    after = served.status()

    assert told[2] == f"the master (pid {served.process.pid}) runs version {__version__}"
    assert told[-1] == f"upgraded: 2 workers run version {__version__}"
    assert served.ask(DumpState())[-1].data == state
    assert {name: after[name] for name in ("pid", "prometheus", "listeners")} == {
        name: before[name] for name in ("pid", "prometheus", "listeners")
    }
    assert after["uptime"] > before["uptime"]
    assert set(pids(served)).isdisjoint(workers)
    assert [row["fills"] for row in after["workers"]] == [2, 2]


def test_what_a_start_does_without_is_imported_after_an_upgrade_too_before_the_code_on_disk_changes_again(serve: Serve) -> None:
    served = serve(workers=1)
    served.ask(UpgradeMaster())
    deadline = time.monotonic() + PATIENCE
    while "cryptography" not in Path(f"/proc/{served.process.pid}/maps").read_text():
        assert time.monotonic() < deadline
        time.sleep(0)


def test_events_go_on_with_their_numbers(serve: Serve) -> None:
    served = serve()
    served.ask(AddCluster(cluster="shop"))
    with Client(served.socket, timeout=PATIENCE) as client:
        before = list(client.events(since=0, follow=False))
    served.ask(UpgradeMaster())
    with Client(served.socket, timeout=PATIENCE) as client:
        after = list(client.events(since=before[-1].number, follow=False))
        known = list(client.events(since=0, follow=False))

    assert known[: len(before)] == before
    assert [event.number for event in after] == list(range(len(before) + 1, len(known) + 1))
    assert "took_over" in [event.kind for event in after]


def test_it_can_be_upgraded_again_and_changed_and_stopped(serve: Serve) -> None:
    served = serve(workers=1)
    for number in range(3):
        served.ask(UpgradeMaster())
        served.ask(AddBackend(cluster="blog", address=f"127.0.0.1:{9100 + number}"))
        assert served.connect()[2] == number + 2
    served.process.terminate()

    assert served.wait() == 0
    assert not served.socket.exists()


def test_connections_that_nobody_had_accepted_are_answered_by_the_successor(serve: Serve) -> None:
    served = serve(workers=1)
    host, _, port = served.told["listeners"][0].rpartition(":")
    os.kill(pids(served)[0], signal.SIGSTOP)
    waiting = [socket.create_connection((host, int(port)), PATIENCE) for _ in range(20)]
    served.ask(UpgradeMaster(grace=0.1))
    takers = {int(connection.makefile().read().split()[1]) for connection in waiting}
    for connection in waiting:
        connection.close()

    assert takers == set(pids(served))


def test_other_tools_keep_their_connection_and_their_open_transaction(serve: Serve) -> None:
    served = serve(workers=1)
    with Client(served.socket, timeout=PATIENCE) as other:
        other.order(Begin())
        other.order(AddCluster(cluster="shop"))
        served.ask(UpgradeMaster())
        committed = other.order(Commit())

    assert committed.data["revision"] == 2
    assert "shop" in served.workers()[0]["clusters"]


def test_half_a_request_is_read_to_its_end_by_the_next_master(serve: Serve) -> None:
    served = serve(workers=1)
    with socket.socket(socket.AF_UNIX) as tool:
        tool.settimeout(PATIENCE)
        tool.connect(str(served.socket))
        tool.sendall(b'{"id": "1", "type": "begin"}\0{"id": "2", "ty')
        assert b"begun" in tool.recv(1000)
        served.ask(UpgradeMaster())
        tool.sendall(b'pe": "abort"}\0')
        assert b'"id":"2","status":"OK"' in tool.recv(1000)


def test_who_waits_for_something_else_is_told_to_ask_again(serve: Serve) -> None:
    served = serve(workers=1)
    with Client(served.socket, timeout=PATIENCE) as other:
        waiting = other.ask({"type": "remove_backend", "cluster": "blog", "address": "127.0.0.1:9001", "wait": True})
        while "live exchange" not in next(waiting).message:
            continue
        served.ask(UpgradeMaster(grace=0.1))
        with pytest.raises(RequestRefused, match="another master takes over now"):
            list(waiting)
        again = other.ask({"type": "remove_backend", "cluster": "blog", "address": "127.0.0.1:9001", "wait": True})
        while "live exchange" not in next(again).message:
            continue
        served.ask(Metrics())  # which is when the scripted worker's exchanges end

        assert "may be stopped now" in list(again)[-1].message


@pytest.mark.parametrize(
    ("new_code", "reason"),
    [
        ("crash", r"cannot be started \(status 1; the log has what it said\)"),
        ("exit", r"cannot be started \(status 0"),
        ("bad-worker", "its worker does not start: the worker speaks schema 2, this master 1"),
    ],
)
def test_bad_code_on_the_disk_changes_nothing(serve: Serve, new_code: str, reason: str) -> None:
    served = serve(workers=1)
    before = served.status()
    (served.folder / "new_code").write_text(new_code)
    with pytest.raises(RequestRefused, match=reason):
        served.ask(UpgradeMaster())
    (served.folder / "new_code").unlink()

    after = served.status()
    assert [row["pid"] for row in after["workers"]] == [row["pid"] for row in before["workers"]]
    assert served.connect()[1] == before["workers"][0]["pid"]
    assert served.ask(UpgradeMaster())


def test_code_that_has_gone_after_its_trial_leaves_the_master_and_its_descriptors_as_they_were(serve: Serve) -> None:
    served = serve(workers=2)
    before = served.workers()
    (address,) = served.told["listeners"]
    counts = []
    (served.folder / "new_code").write_text("vanish")
    for _ in range(3):
        with pytest.raises(RequestRefused, match=r"cannot be started: .* No such file or directory; nothing was changed"):
            served.ask(UpgradeMaster())
        put_on_disk(str(served.folder / "sozu.yaml"))
        counts.append(descriptors(served.told["pid"]))
    taker = served.connect()[1]
    served.ask(RemoveListener(protocol=Protocol.HTTP, address=address))

    assert [row["pid"] for row in served.workers()] == [row["pid"] for row in before]
    assert taker in {row["pid"] for row in before}
    assert max(counts) - min(counts) < len(before)  # a tool that has asked may still be leaving
    with pytest.raises(ConnectionRefusedError):
        served.connect()


def test_an_upgrade_needs_no_second_descriptor_for_each_listening_socket(serve: Serve) -> None:
    served = serve(workers=2)
    for _ in range(20):
        served.ask(AddListener(protocol=Protocol.HTTP, address="127.0.0.1:0"))
    pid = served.told["pid"]
    room = descriptors(pid) + 30
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (room, room))
    served.ask(UpgradeMaster())

    assert served.status()["pid"] == pid
    assert served.connect()


def test_a_listener_that_a_worker_had_not_left_yet_is_closed_by_the_next_master(serve: Serve) -> None:
    served = serve(workers=2)
    (address,) = served.told["listeners"]
    os.kill(pids(served)[1], signal.SIGSTOP)
    with Client(served.socket, timeout=PATIENCE) as tool:
        told = next(tool.ask(RemoveListener(protocol=Protocol.HTTP, address=address)))
        served.ask(UpgradeMaster(grace=0.1))

    assert not told.status.final
    with pytest.raises(ConnectionRefusedError):
        served.connect()


def test_new_code_that_hangs_is_given_up_and_no_other_upgrade_begins_meanwhile(serve: Serve) -> None:
    served = serve("--impatient", workers=1)
    before = served.workers()
    (served.folder / "new_code").write_text("hang")
    with Client(served.socket, timeout=PATIENCE) as first, Client(served.socket, timeout=PATIENCE) as second:
        answers = first.ask(UpgradeMaster())
        next(answers)
        with pytest.raises(RequestRefused, match="an upgrade is under way; nothing was changed by this one"):
            list(second.ask(UpgradeWorker(worker=0)))
        with pytest.raises(RequestRefused, match=r"was not ready within 2 s"):
            list(answers)

    assert [row["pid"] for row in served.workers()] == [row["pid"] for row in before]
    assert served.connect()[1] == before[0]["pid"]


@pytest.mark.parametrize("changes", [(2,), (2, 3)])
def test_a_number_of_workers_that_is_ordered_meanwhile_is_seen_to_afterwards(serve: Serve, changes: tuple[int, ...]) -> None:
    served = serve(workers=1)
    with Client(served.socket, timeout=PATIENCE) as asker:
        answers = asker.ask(UpgradeMaster(grace=0.1))
        next(answers)
        for count in changes:
            served.ask(UpdateSettings(workers=count))
        list(answers)
    deadline = time.monotonic() + PATIENCE
    while len(pids(served)) != changes[-1]:
        assert time.monotonic() < deadline, served.log()

    assert "Traceback" not in served.log()


def test_a_stop_in_the_middle_ends_it_and_leaves_nobody(serve: Serve) -> None:
    served = serve(workers=3)
    with Client(served.socket, timeout=PATIENCE) as asker:
        for answer in asker.ask(UpgradeMaster(grace=0.1)):
            if "worker 0: a newcomer" in answer.message:
                served.process.terminate()
                break
        assert served.wait() == 0

    assert "Traceback" not in served.log()


def test_a_stop_ends_a_trial_and_tells_who_follows_it(serve: Serve) -> None:
    served = serve(workers=1)
    (served.folder / "new_code").write_text("hang")
    with Client(served.socket, timeout=PATIENCE) as asker:
        answers = asker.ask(UpgradeMaster())
        next(answers)
        (trial,) = set(children(served.process.pid)) - {row["pid"] for row in served.workers()}
        served.process.terminate()
        with pytest.raises(RequestRefused, match="the proxy is stopping, and this goes no further"):
            list(answers)
        assert served.wait() == 0

    assert not Path(f"/proc/{trial}").exists()


@pytest.mark.parametrize("said", [b"", b"half a question"])
def test_a_trial_whose_master_has_gone_ends(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.sendall(said)

    assert perform(theirs.detach(), []) == os.EX_OK
    assert "event=trial_deserted reason='nobody asks any more'" in caplog.text


def test_who_follows_what_breaks_is_told() -> None:
    def broken(_: object) -> NoReturn:
        raise ZeroDivisionError

    with pytest.raises(Declined, match=r"it ended before its end: ZeroDivisionError\(\); `sozu status` shows what runs now"):
        Job(broken).follow(lambda *_: None)


def test_an_upgrade_goes_on_when_its_asker_has_gone(serve: Serve) -> None:
    served = serve(workers=1)
    (before,) = pids(served)
    with Client(served.socket, timeout=PATIENCE) as asker:
        next(asker.ask(UpgradeMaster()))
    deadline = time.monotonic() + PATIENCE
    while pids(served) in ([before], []):
        assert time.monotonic() < deadline

    assert "event=took_over" in served.log()


def test_signals_that_come_meanwhile_are_heeded_afterwards(serve: Serve) -> None:
    served = serve(workers=1)
    with Client(served.socket, timeout=PATIENCE) as asker:
        for answer in asker.ask(UpgradeMaster()):
            if "takes over as master now" in answer.message:
                served.process.terminate()
                break
    assert served.wait() == 0


def test_a_master_that_leaves_too_little_is_not_succeeded() -> None:
    left = names_left()
    assert missing(left) == []
    fewer = {**left, "Estate": tuple(name for name in left["Estate"] if name != "journal")}
    assert missing(fewer) == ["Estate.journal"]
    # What was removed was backends only, in the estates of masters before this one.
    assert missing({**left, "Estate": tuple(name for name in left["Estate"] if not name.startswith("departed_"))}) == []
    assert set(missing({})) >= {"Estate.journal", "WorkerLeft.pid", "SlotLeft.number", "CarriedTool.descriptor"}
