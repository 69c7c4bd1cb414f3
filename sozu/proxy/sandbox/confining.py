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
    holds: dict[str, Any] = {"wanted": wanted.value}
    missing: list[str] = []
    # All are tried, whatever fails: a kernel without Landlock can still filter calls, and half a sandbox is better than none where it is not `required`.
    for name, give_up in _steps(user) if wanted is not Sandbox.OFF else _steps(user)[:1]:
        try:
            holds[name] = give_up()
        # KeyError: no such user (pwd), or a machine whose calls we have no numbers of.
        except (OSError, KeyError) as error:
            holds[name] = False
            missing.append(f"{name} ({error})")
    holds["uid"] = os.getuid()
    # Who names a user has said that workers shall not be root: that is no matter of what a kernel can do, and nothing to go on without.
    if holds["user"] is False and os.getuid() == 0:
        raise NotConfined(f"a worker of root cannot become who it should be: {missing[0]}")
    # Said after the last step and not at the first that fails: the operator reads all that is missing at once, and mends it in one go.
    if missing and wanted is Sandbox.REQUIRED:
        raise NotConfined(f"the sandbox is required, and is not complete: {', '.join(missing)}")
    if missing:
        log.warning("event=not_confined missing=%r", ", ".join(missing))
    return holds


def _steps(user: str | None) -> tuple[tuple[str, Callable[[], Any]], ...]:
    return (
        # To become somebody else takes the capabilities that are given up after it, and calls that the last step refuses. Landlock
        # and seccomp are granted to one without privileges only behind no_new_privs (landlock_restrict_self(2), seccomp(2)).
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
        # Groups first, then the gid, then the uid: without root's uid the first two are refused, and
        # we would stay in root's groups. All three ids of each, so that none is left to go back to.
        os.setgroups([])
        os.setresgid(found.pw_gid, found.pw_gid, found.pw_gid)
        os.setresuid(found.pw_uid, found.pw_uid, found.pw_uid)
        kernel.dumpable()
    return user


def _limit() -> bool:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core has keys and passwords in it
    # With the hard limits, which only a privileged process can raise again.
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
    # The C library remembers what it reads here. Asked for the first time behind the next lines it would find nothing, and take UTC without a word.
    time.localtime()  # reads /etc/localtime, once
    version = kernel.landlock_version()
    # A path that does not exist could not be opened to make a rule of it, and all of Landlock would be off for want of an /etc/gai.conf.
    kernel.lock_file_system(version, {path: access for path, access in OPEN.items() if Path(path).exists()})
    return version


def _filter_calls() -> bool:
    # A machine that is not known has no filter: numbers of another one would refuse the wrong calls.
    kernel.filter_calls(assembled(program(MACHINES[platform.machine()], os.getpid())))
    return True
