"""A master that was killed, and the one that follows it: workers and listening sockets are taken in."""

from collections.abc import Iterator
from contextlib import contextmanager
import logging
import os
from pathlib import Path
import signal
import socket
import sys
import time

import gevent
import gevent.socket
import pytest

from sozu import __version__
from sozu.command.channel import channel_to_master, channel_to_worker
from sozu.command.client import Client
from sozu.command.facts import Protocol
from sozu.command.orders import AddCluster, AddListener
from sozu.command.settings import Settings
from sozu.command.state import ConfigState
from sozu.command.worker_protocol import SCHEMA, Found
from sozu.master.logs import LogFile
from sozu.master.sockets import ListenerSockets
from sozu.master.succession import adoption
from sozu.master.succession.adoption import Held, Orphan, Orphanage, find_orphans, take_in
from sozu.master.workers.briefing import Briefing
from sozu.master.workers.rendezvous import Places
from sozu.master.workers.roster import Roster
from sozu.master.workers.slots import Slots
from tests.master.served import PATIENCE, Serve, Served


def pids(served: Served) -> list[int]:
    return [row["pid"] for row in served.workers() if row["state"] == "running"]


def rendezvous(folder: Path) -> list[Path]:
    return list(folder.glob("sozu.sock.worker-*"))


@contextmanager
def orphans(served: Served) -> Iterator[list[int]]:
    """Kill the master; its workers, which are ended at last if they have not."""
    workers = pids(served)
    served.process.kill()
    served.wait()
    try:
        yield workers
    finally:
        for pid in workers:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGKILL)


def test_the_next_master_adopts_them_as_they_are(serve: Serve) -> None:
    first = serve()
    first.ask(AddCluster(cluster="shop"))
    with orphans(first) as workers:
        second = serve()

        assert pids(second) == workers
        assert second.told["listeners"] == first.told["listeners"]
        assert second.connect()[1] in workers
        assert second.ask(AddCluster(cluster="more"))[-1].data == {"revision": 3, "late": []}
        assert all(row["clusters"] == ["blog", "shop", "more"] for row in second.workers())


def test_a_killed_one_is_replaced_on_the_very_same_socket(serve: Serve) -> None:
    first = serve(workers=1)
    host, _, port = first.told["listeners"][0].rpartition(":")
    with orphans(first) as (worker,):
        second = serve(workers=1)
        os.kill(worker, signal.SIGSTOP)
        waiting = [socket.create_connection((host, int(port)), PATIENCE) for _ in range(10)]
        os.kill(worker, signal.SIGKILL)
        takers = {int(connection.makefile().read().split()[1]) for connection in waiting}
        for connection in waiting:
            connection.close()

        assert takers == set(pids(second))
        assert worker not in takers


def test_one_whose_configuration_is_another_is_replaced(serve: Serve, tmp_path: Path) -> None:
    first = serve(workers=1)
    with orphans(first) as workers:
        (tmp_path / "sozu.journal").unlink()
        second = serve(workers=1, text=other_cluster(first.told["listeners"][0]))

        assert "event=worker_replaced" in second.log()
        assert "it has another configuration than the journal" in second.log()
        assert set(pids(second)).isdisjoint(workers)
        assert second.connect()[1] in pids(second)


def other_cluster(address: str) -> str:
    return f'command_socket: ./sozu.sock\nworkers: {{workers}}\nlisteners: [{{{{protocol: http, address: "{address}"}}}}]\n'


def test_a_listener_that_only_some_have_gets_a_socket_for_each_slot(serve: Serve) -> None:
    first = serve(workers=2)
    first.ask(AddListener(protocol=Protocol.HTTP, address="127.0.0.1:0"))
    with orphans(first) as workers:
        os.kill(workers[1], signal.SIGKILL)
        second = serve(workers=2)
        addresses = [each["address"] for each in second.status()["listeners"]]

        assert workers[0] in pids(second)
        assert len(pids(second)) == 2
        for address in addresses:
            assert {second.connect(address)[0] for _ in range(40)} == {0, 1}


def test_more_workers_than_wanted_are_all_adopted(serve: Serve) -> None:
    with orphans(serve(workers=3)) as workers:
        assert pids(serve(workers=2)) == workers


def test_one_that_hangs_is_killed_and_those_in_its_queue_are_served(serve: Serve) -> None:
    first = serve(workers=1)
    host, _, port = first.told["listeners"][0].rpartition(":")
    with orphans(first) as (worker,):
        os.kill(worker, signal.SIGSTOP)
        waiting = [socket.create_connection((host, int(port)), PATIENCE) for _ in range(10)]
        second = serve(workers=1)
        takers = {int(connection.makefile().read().split()[1]) for connection in waiting}
        for connection in waiting:
            connection.close()

        assert f"event=orphan_killed pid={worker} sockets_seized=1" in second.log()
        assert takers == set(pids(second)) != {worker}


def test_one_that_says_that_it_is_somebody_else_is_killed(serve: Serve) -> None:
    with orphans(serve("--other-slot", workers=1)) as (worker,):
        second = serve(workers=1)

        assert "it says that it is" in second.log()
        assert f"event=orphan_killed pid={worker}" in second.log()
        assert len(second.workers()) == 1
        assert second.connect()[1] == pids(second)[0] != worker


def test_one_that_has_ended_after_its_first_words_is_not_taken_in() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", ""], {})
    os.waitpid(pid, 0)
    settings, sockets, roster = Settings(command_socket="/nowhere", journal="/nowhere"), ListenerSockets(1), Roster()
    slots = Slots(1, [], Briefing(settings, LogFile(None), sockets, ConfigState, roster), roster)
    found = Found(
        version=__version__, schema=SCHEMA, pid=pid, slot=0, revision=0, digest="", settings=settings, draining=False, listeners=(), last=True
    )
    ours, theirs = gevent.socket.socketpair()
    with theirs:
        take_in(Orphanage([Orphan(found, [], channel_to_worker(ours), "/nowhere")]), slots, settings, ConfigState())
        ours.close()

    assert list(roster) == []
    assert [slot.vacant for slot in slots] == [True]


def test_what_an_orphan_says_stays_in_its_place_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(adoption, "_end_whoever_listens", lambda *_: [])  # it is this very process
    made = Places(str(tmp_path / "sozu.sock")).make(0)
    assert made is not None
    listening = gevent.socket.socket(fileno=made[0].detach())
    listening.listen()
    settings = Settings(command_socket="/nowhere", journal="/nowhere")

    def say_who() -> None:
        channel = channel_to_master(listening.accept()[0])
        channel.send(
            Found(version="1\nevent=took_over", schema=SCHEMA, pid=os.getpid(), slot=0, revision=0, digest="", settings=settings, draining=False, listeners=(), last=True)
        )
        channel.close()

    telling = gevent.spawn(say_who)
    with listening, caplog.at_level(logging.INFO):
        (orphan,) = find_orphans(Places(str(tmp_path / "sozu.sock"))).orphans
    telling.get()
    orphan.channel.close()

    assert caplog.messages == [f"event=orphan_found slot=0 pid={os.getpid()} revision=0 version='1\\nevent=took_over'"]


def test_where_others_have_served_it_is_tried_again_though_nobody_can_be_started(serve: Serve) -> None:
    with orphans(serve("--other-slot", workers=1)) as (worker,):
        second = serve("--never-born", workers=1)
        until_logged(second, "event=slot_not_filled slot=0 retry_in=0.10")

        assert second.process.poll() is None
    assert worker not in pids(second)


def test_one_whose_queue_is_full_of_masters_that_died_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(adoption, "PATIENCE", 0.05)
    made = Places(str(tmp_path / "sozu.sock")).make(0)
    assert made is not None
    listening, path = made
    listening.listen(0)
    with listening, socket.socket(socket.AF_UNIX) as dead:
        dead.connect(path)
        with gevent.Timeout(PATIENCE):
            found = find_orphans(Places(str(tmp_path / "sozu.sock")))

    assert (found.orphans, found.seized) == ([], [])
    assert "reason='it does not say who it is'" in caplog.text


def test_what_is_held_finds_its_slot() -> None:
    numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    own, lent, again, whose, other = numbers
    here, there = "127.0.0.1:1", "127.0.0.1:2"
    seized = [Held(here, 0, own), Held(here, None, whose), Held(here, 2, lent), Held(here, 2, again), Held(there, 1, other)]
    orphanage = Orphanage(seized=seized)

    assert orphanage.slots == 3
    assert orphanage.sockets() == {here: {0: own, 1: whose, 2: lent}, there: {1: other}}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(again)
    for number in (own, whose, lent, other):
        os.close(number)


def test_what_another_master_had_lent_is_lent_until_the_slot_is_filled(serve: Serve) -> None:
    first = serve(workers=2)
    _, dies = pids(first)
    host, _, port = first.told["listeners"][0].rpartition(":")
    os.kill(dies, signal.SIGKILL)
    until_logged(first, "event=slot_lent slot=1 to=0")
    with orphans(first) as (lives, *_):
        waiting = [socket.create_connection((host, int(port)), PATIENCE) for _ in range(20)]
        second = serve(workers=2)
        told = [connection.makefile().read() for connection in waiting]
        for connection in waiting:
            connection.close()

        assert all(told)
        assert lives in pids(second)
        assert {second.connect()[0] for _ in range(40)} == {0, 1}


def until_logged(served: Served, text: str) -> None:
    limit = time.monotonic() + PATIENCE
    while text not in served.log():
        assert time.monotonic() < limit, f"never said: {text}"
        served.status()


def test_what_was_left_of_workers_that_ended_is_removed(serve: Serve, tmp_path: Path) -> None:
    first = serve(workers=1)
    assert len(rendezvous(tmp_path)) == 1
    with orphans(first) as (worker,):
        os.kill(worker, signal.SIGKILL)
        second = serve(workers=1)

        assert len(rendezvous(tmp_path)) == 1
        second.process.terminate()
        assert second.wait() == 0
        assert rendezvous(tmp_path) == []


def test_an_adopted_worker_can_be_upgraded_and_adopted_again(serve: Serve) -> None:
    with orphans(serve(workers=1)) as (worker,):
        second = serve(workers=1)
        second.ask({"type": "upgrade_master"})
        assert pids(second) != [worker]
        with orphans(second) as workers:
            third = serve(workers=1)
            assert pids(third) == workers


def test_a_tool_of_the_dead_master_sees_its_connection_end(serve: Serve) -> None:
    first = serve(workers=1)
    with Client(first.socket, timeout=PATIENCE) as tool:
        tool.order(AddCluster(cluster="shop"))
        with orphans(first):
            second = serve(workers=1)

            assert second.status()["revision"] == 2
