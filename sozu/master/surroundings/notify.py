"""Telling systemd how we are: sd_notify(3), one datagram to the socket named by NOTIFY_SOCKET."""

import array
from collections.abc import Mapping, Sequence
import os
import socket
from time import monotonic_ns

import gevent

READY = f"READY=1\nMAINPID={os.getpid()}"  # an upgrade keeps the pid
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"


def reloading() -> str:
    """Systemd wants to know when, to tell it from a reload before."""
    return f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}"


def watchdog_period(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two signs of life, half of what systemd waits; None if it waits for none of ours."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    # sd_watchdog_enabled(3): without a pid it is for whoever finds it; with another one's it was inherited by mistake.
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid) or not microseconds.isascii() or not microseconds.isdigit():
        return None
    return int(microseconds) / 2e6 or None


def notify(message: str, environment: Mapping[str, str], descriptors: Sequence[int] = ()) -> bool:
    """Send one message, with descriptors that stay ours; False when nobody asked for it or nobody listens (a supervisor that is gone is no reason to stop)."""
    address = _address(environment)
    if address is None:
        return False
    # Non-blocking: where systemd does not read for a while, a letter is
    # lost, and not the turn of the loop that looks after the workers.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as letter:
        try:
            letter.connect(address)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors).tobytes())] if descriptors else []
            letter.sendmsg([message.encode()], rights)
        except OSError:
            return False
    return True


def show_life(environment: Mapping[str, str], pid: int) -> None:
    """Give signs of life if systemd waits for some: of this loop; the master looks after the workers itself."""
    period = watchdog_period(environment, pid)
    while period is not None and _address(environment) is not None:
        # One may be lost, as any letter: systemd waits for two of them, and kills whoever gives none any more.
        notify(WATCHDOG, environment)
        gevent.sleep(period)


def _address(environment: Mapping[str, str]) -> str | None:
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return None
    # "@" stands for the NUL of Linux' abstract names.
    return "\0" + path[1:] if path.startswith("@") else path
