"""What is given up, and in which order: identity first (it needs privileges), then privileges, then files, then system calls.

Where the kernel cannot do one of these the others still hold, and it is told; a worker whose sandbox is `required` does not start then.
Everything that will ever be imported has to be imported before. What stays readable is /proc/self, which is about ourselves, and what tells how names are looked up.
"""

from collections.abc import Callable
import encodings.idna  # noqa: F401 - a codec that the socket module looks for when it meets a name
import logging
import os
from pathlib import Path
import platform
import pwd
import resource
import time
from typing import Any, Final

from sozu.command.settings import Sandbox
from sozu.proxy.sandbox import kernel
from sozu.proxy.sandbox.numbers import MACHINES
from sozu.proxy.sandbox.program import assembled, program

log = logging.getLogger("sozu.proxy")

# The reserve of descriptors is made of /dev/null; backends may be given by name.
OPEN: Final = {
    "/dev/null": kernel.READ_FILE | kernel.WRITE_FILE,
    "/proc/self": kernel.READ_FILE | kernel.READ_DIRECTORY,
    **dict.fromkeys(("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf"), kernel.READ_FILE),
}


class NotConfined(Exception):
    """The sandbox is required, and something of it is not to be had; the text names it."""


def confine(wanted: Sandbox, user: str | None) -> dict[str, Any]:
    """Give up what a worker does not need; what holds now, by name. `user` is who to be, if we are root. Raises NotConfined."""
    if wanted is Sandbox.OFF:
        return {"wanted": wanted.value, "uid": os.getuid()}
    holds: dict[str, Any] = {"wanted": wanted.value}
    missing: list[str] = []
    for name, give_up in _steps(user):
        try:
            holds[name] = give_up()
        except (OSError, KeyError) as error:
            holds[name] = False
            missing.append(f"{name} ({error})")
    holds["uid"] = os.getuid()
    if missing and wanted is Sandbox.REQUIRED:
        raise NotConfined(f"the sandbox is required, and is not complete: {', '.join(missing)}")
    if missing:
        log.warning("event=not_confined missing=%r", ", ".join(missing))
    return holds


def _steps(user: str | None) -> tuple[tuple[str, Callable[[], Any]], ...]:
    return (
        ("user", lambda: _become(user)),
        ("limits", _limit),
        ("capabilities", _give_up_capabilities),
        ("no_new_privs", _no_new_privileges),
        ("landlock", _lock_files),
        ("seccomp", _filter_calls),
    )


def _become(user: str | None) -> str | None:
    """Who was named; None if nobody was."""
    if user is None:
        return None
    found = pwd.getpwnam(user)
    if os.getuid() != found.pw_uid:
        os.setgroups([])
        os.setresgid(found.pw_gid, found.pw_gid, found.pw_gid)
        os.setresuid(found.pw_uid, found.pw_uid, found.pw_uid)
        kernel.dumpable()
    return user


def _limit() -> bool:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core has keys and passwords in it
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    return True


def _give_up_capabilities() -> bool:
    # Root alone may reach the unix sockets of backends whatever their mode: an operator who runs us as root counts on it.
    kept = kernel.CAP_DAC_OVERRIDE if os.getuid() == 0 else 0
    kernel.keep_capabilities(kept, platform.machine())
    return True


def _no_new_privileges() -> bool:
    kernel.no_new_privileges()
    return True


def _lock_files() -> int:
    time.localtime()  # reads /etc/localtime, once
    version = kernel.landlock_version()
    kernel.lock_file_system(version, {path: access for path, access in OPEN.items() if Path(path).exists()})
    return version


def _filter_calls() -> bool:
    kernel.filter_calls(assembled(program(MACHINES[platform.machine()])))
    return True
