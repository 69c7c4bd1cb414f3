"""Where the master's command socket is."""

from collections.abc import Mapping
import os
from pathlib import Path

from sozu.command.client.errors import NoMaster

SOCKET_VARIABLE = "SOZU_SOCKET"
SOCKET_NAME = "sozu.sock"


def find_socket(
    explicit: str | os.PathLike[str] | None = None, environment: Mapping[str, str] = os.environ
) -> Path:
    """The command socket of the running master: the explicit path, else $SOZU_SOCKET, else ./sozu.sock, else the user's runtime folder.

    A path that was named is the only one tried. Raises NoMaster if there is no socket.
    """
    candidates = socket_candidates(explicit, environment)
    for path in candidates:
        if path.is_socket():
            return path
    raise NoMaster(candidates)


def socket_candidates(explicit: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> list[Path]:
    """Where `find_socket` looks, in this order."""
    # Whoever names a place means it: falling back on another one would carry out an order on the wrong proxy.
    named = explicit if explicit is not None else environment.get(SOCKET_VARIABLE)
    if named:
        return [Path(named)]
    # su, sudo and cron give no such variable; where systemd keeps the folder of a user is known without it (pam_systemd(8)).
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return [Path(SOCKET_NAME), Path(runtime, SOCKET_NAME)]
