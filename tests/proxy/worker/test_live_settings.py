from collections.abc import Iterator
from pathlib import Path
import socket

import pytest

from sozu.command.facts import LogLevel, Protocol, Timeouts
from sozu.command.orders import (
    ActivateListener,
    AddCluster,
    AddHttpFrontend,
    DeactivateListener,
    UpdateListener,
    UpdateSettings,
)
from sozu.command.worker_protocol import AskStatus, GiveListeners, ListenerName
from tests.proxy.worker.scripted_master import ScriptedMaster, read_answer, settings

POST = b"POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"


@pytest.fixture
def master(tmp_path: Path) -> Iterator[ScriptedMaster]:
    with ScriptedMaster() as master:
        master.bring_up(settings(tmp_path), AddCluster(cluster="web"), AddHttpFrontend(cluster="web", hostname="web"))
        yield master


def status_of_post(master: ScriptedMaster) -> int:
    with master.connect() as sock:
        sock.sendall(POST)
        sock.shutdown(socket.SHUT_WR)
        return read_answer(sock)[0]


def half_a_head(master: ScriptedMaster) -> bytes:
    with master.connect() as sock:
        try:
            sock.sendall(b"GET / HT")
            return sock.recv(1000)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def accepting(master: ScriptedMaster) -> bool:
    told: bool = master.ask(AskStatus(id=99)).data["accepting"]
    return told


def test_a_limit_holds_from_the_order_on_and_not_after_it_was_taken_back(master: ScriptedMaster) -> None:
    assert status_of_post(master) == 503
    master.publish(2, UpdateSettings(max_body_size=99))
    assert status_of_post(master) == 413
    master.publish(3, UpdateSettings(max_body_size=None))
    assert status_of_post(master) == 503


def test_a_timeout_that_was_changed_holds_for_those_who_come(master: ScriptedMaster) -> None:
    master.publish(2, UpdateSettings(timeouts=Timeouts(request=0.1)))
    while not (told := half_a_head(master)):
        continue  # on a busy machine even half of it may come too late to be answered

    assert told.startswith(b"HTTP/1.1 408")


def test_who_is_in_stays_when_fewer_are_allowed(master: ScriptedMaster) -> None:
    with master.connect() as first, master.connect() as second:
        for sock in (first, second):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.1 503")
        master.publish(2, UpdateSettings(max_connections=1))

        assert master.ask(AskStatus(id=9)).data["connections"] == 2
        for sock in (first, second):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.1 503")


def test_the_log_level_is_changed_while_it_serves(master: ScriptedMaster) -> None:
    master.publish(2, UpdateSettings(log_level=LogLevel.ERROR))
    master.publish(3, UpdateListener(protocol=Protocol.HTTP, address="127.0.0.1:1", active=False))  # refused, with a warning
    master.publish(4, UpdateSettings(log_level=None))
    master.publish(5, UpdateListener(protocol=Protocol.HTTP, address="127.0.0.1:2", active=False))
    master.process.kill()
    assert master.process.stderr is not None
    told = master.process.stderr.read().decode()

    assert "revision=5" in told
    assert "revision=3" not in told


def test_a_listener_that_is_switched_off_keeps_its_sessions_and_can_be_switched_on(master: ScriptedMaster) -> None:
    with master.connect() as inside:
        inside.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        assert inside.recv(1000).startswith(b"HTTP/1.1 503")
        master.publish(2, DeactivateListener(protocol=Protocol.HTTP, address=master.address))
        assert not accepting(master)
        inside.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        assert inside.recv(1000).startswith(b"HTTP/1.1 503")

    name = ListenerName(Protocol.HTTP, master.address)
    master.say(GiveListeners(listeners=(name,)), [master.listening.fileno()])
    master.publish(3, ActivateListener(protocol=Protocol.HTTP, address=master.address))
    assert master.get("web")[0] == 503
