"""Telling systemd how we are: sd_notify(3), one datagram to the socket named by NOTIFY_SOCKET."""

from collections.abc import Mapping
import socket

READY = "READY=1"
RELOADING = "RELOADING=1"
STOPPING = "STOPPING=1"


def notify(message: str, environment: Mapping[str, str]) -> bool:
    """Send one message; False when nobody asked for it or nobody listens (a supervisor that is gone is no reason to stop)."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    # "@" stands for the NUL of Linux' abstract names.
    name = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as letter:
        try:
            letter.sendto(message.encode(), name)
        except OSError:
            return False
    return True
