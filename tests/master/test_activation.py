"""Sockets that somebody else has opened for a master."""

import os
from pathlib import Path
import shutil
import socket
import subprocess
import sys

import pytest

from sozu.master.sockets import ListenerSockets
from sozu.master.surroundings.activation import Activated, activated_sockets


def environment(pid: int, count: int) -> dict[str, str]:
    return {"LISTEN_PID": str(pid), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": "web", "HOME": "/"}


def test_they_are_found_by_their_address_once(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        first = max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 1  # two neighbours that nobody has
        second = os.dup2(unix.fileno(), os.dup2(tcp.fileno(), first) + 1)
        told = environment(7, 2)
        found = activated_sockets(told, 7, first)

        assert found == Activated({f"127.0.0.1:{tcp.getsockname()[1]}": {0: first}, f"unix:{path}": {0: second}})
        assert told == {"HOME": "/"}
        assert activated_sockets(told, 7, first) == Activated()
    os.close(first)
    os.close(second)


def test_those_of_another_process_are_not_ours() -> None:
    assert activated_sockets(environment(8, 1), 7) == Activated()


def test_what_does_not_listen_is_no_listener() -> None:
    with socket.socket() as idle:
        first = os.dup(idle.fileno())
        assert activated_sockets(environment(7, 1), 7, first) == Activated()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(first)


def test_one_socket_serves_all_slots_unless_others_may_join_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        address = f"127.0.0.1:{opened.getsockname()[1]}"
        sockets = ListenerSockets(2)
        sockets.adopt(address, {0: os.dup(opened.fileno())})

        assert sockets.of_slot(0, address).getsockname() == sockets.of_slot(1, address).getsockname()
        sockets.steer(1)
        sockets.shrink(1)
        with socket.create_connection(opened.getsockname()):
            sockets.of_slot(0, address).accept()[0].close()
        sockets.close_all()


def test_systemd_s_own_tool_hands_a_socket_over(tmp_path: Path) -> None:
    tool = shutil.which("systemd-socket-activate")
    if tool is None:
        pytest.skip("systemd-socket-activate is not installed (docs/testing.md)")
    path = tmp_path / "web.sock"
    code = "import os; from sozu.master.surroundings.activation import activated_sockets as found; print(list(found(os.environ, os.getpid()).sockets))"
    root = Path(__file__).parents[2]
    command = [tool, f"--listen={path}", "-E", f"PYTHONPATH={root}", sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as started:
        assert started.stdout is not None
        with socket.socket(socket.AF_UNIX) as client:
            while client.connect_ex(str(path)):
                assert started.poll() is None
            assert started.stdout.read() == f"['unix:{path}']\n"
