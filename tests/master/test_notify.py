import os
from pathlib import Path
import re
import secrets
import socket

import gevent
import gevent.socket
import pytest

from sozu.master.surroundings.notify import READY, notify, reloading, show_life, watchdog_period

PATIENCE = 60.0


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_that_we_are_ready(tmp_path: Path, *, abstract: bool) -> None:
    path = f"@sozu-{secrets.token_hex(8)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path.replace("@", "\0"))
        assert notify(READY, {"NOTIFY_SOCKET": path})
        assert systemd.recv(100) == b"READY=1\nMAINPID=%d" % os.getpid()


def test_without_systemd_nothing_is_said(tmp_path: Path) -> None:
    assert not notify(READY, {})
    assert not notify(READY, {"NOTIFY_SOCKET": "relative"})
    assert not notify(READY, {"NOTIFY_SOCKET": str(tmp_path / "gone")})


@pytest.mark.parametrize(
    ("told", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_they_are_missed(told: dict[str, str], period: float | None) -> None:
    assert watchdog_period(told, 7) == period


def test_systemd_gets_signs_of_life(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(environment["NOTIFY_SOCKET"])
        life = gevent.spawn(show_life, environment, 7)
        gevent.idle()
        assert systemd.recv(100) == b"WATCHDOG=1"
    life.kill()


def test_signs_of_life_go_on_where_one_is_lost(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000"}
    life = gevent.spawn(show_life, environment, 7)
    gevent.idle()  # nobody is there
    with gevent.socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(environment["NOTIFY_SOCKET"])
        systemd.settimeout(PATIENCE)
        assert systemd.recv(100) == b"WATCHDOG=1"
        while notify("STATUS=one of many", environment):
            continue
        gevent.idle()  # its queue is full
        assert life
        while systemd.recv(100) != b"WATCHDOG=1":
            continue
    life.kill()


def test_without_a_watchdog_no_signs_of_life_are_given(tmp_path: Path) -> None:
    show_life({"NOTIFY_SOCKET": str(tmp_path / "notify")}, 7)
    show_life({"WATCHDOG_USEC": "2000"}, 7)


def test_a_reload_tells_its_time() -> None:
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", reloading())
