"""A process that confines itself as a worker does, tries each forbidden thing, and prints what became of it, as JSON.

`intruder.py [USER] PORT PATH`: a port of 127.0.0.1 that is listened on, a file that may be read by everybody.
"""

from collections.abc import Callable
import ctypes
import errno
import json
import os
from pathlib import Path
import signal
import socket
import sys
import threading

from gevent import get_hub

from sozu.command.hostnames import normal_hostname
from sozu.command.settings import Sandbox
from sozu.proxy.names import lookup
from sozu.proxy.sandbox import confine

*users, port, path = sys.argv[1:]
CLONE3 = 435
libc = ctypes.CDLL(None, use_errno=True)


def become(call: Callable[[], object]) -> str:
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def clone3() -> None:
    libc.syscall(CLONE3, None, 0)
    raise OSError(ctypes.get_errno(), "clone3")


def ptrace() -> None:
    if libc.ptrace(16, os.getppid(), None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def signal_thread(process: int) -> None:
    if libc.tgkill(process, process, 0) < 0:
        raise OSError(ctypes.get_errno(), "tgkill")


def thread() -> None:
    started = threading.Thread(target=os.getpid)
    started.start()
    started.join()


def look_up() -> None:
    lookup.TOLD.update({lookup.HOSTS: "", lookup.RESOLVERS: ""})
    lookup.look_up("localhost")


get_hub()  # as a worker has one before
holds = confine(Sandbox.REQUIRED, users[0] if users else None)
tries: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open(path, os.O_RDONLY),
    "write a file": lambda: os.open(path + ".new", os.O_WRONLY | os.O_CREAT),
    "list a folder": lambda: os.scandir(Path(path).parent),
    "remove a file": Path(path).unlink,
    "fork": os.fork,
    "exec": lambda: os.execv(sys.executable, [sys.executable, "-V"]),
    "spawn": lambda: os.posix_spawn(sys.executable, [sys.executable, "-V"], {}),
    "clone3": clone3,
    "ptrace": ptrace,
    "kill the master": lambda: os.kill(os.getppid(), 0),
    "kill a thread of the master": lambda: signal_thread(os.getppid()),
    "kill by pidfd": lambda: os.pidfd_open(os.getppid()),
    "listen": lambda: socket.socket().listen(),
    "bind": lambda: socket.socket().bind(("127.0.0.1", 0)),
    "raw network": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "become root": lambda: os.setuid(0),
    "connect": lambda: socket.socket().connect(("127.0.0.1", int(port))),
    "look up names": lambda: os.open("/etc/hosts", os.O_RDONLY),
    "look up as the system does": look_up,
    "spell an international name": lambda: normal_hostname("bücher.example"),
    "open nothing": lambda: os.open(os.devnull, os.O_RDONLY),
    "open what is open": lambda: os.open(f"/proc/self/fd/{os.memfd_create('certificate')}", os.O_RDONLY),
    "start a thread": thread,
    "signal itself": lambda: signal.raise_signal(signal.SIGCONT),
}
sys.stdout.write(json.dumps({"holds": holds, "tried": {name: become(call) for name, call in tries.items()}}) + "\n")
