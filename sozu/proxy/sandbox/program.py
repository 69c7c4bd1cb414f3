"""The seccomp filter of a worker: a program of classic BPF that the kernel runs before each of its system calls. Pure.

What a proxy needs is allowed, because nobody can list what a C library of next year calls; what it must never do is refused with
EPERM, so that an honest mistake shows as an error with a name. Threads are allowed, processes are not. clone3 hides its flags behind a pointer
that a filter cannot follow: it is told not to exist (ENOSYS), and the C library takes clone instead.
"""

from collections.abc import Iterator
import errno
import struct
from typing import Final

from sozu.proxy.sandbox.numbers import Machine

# No program, no process, nobody else's memory or signals, no new door, no other identity, and nothing of an administrator's.
# io_uring among them because its operations pass by every filter: one ring would open, connect and send unseen.
# tgkill has lines of its own: raise(3) and abort(3) are made of it.
REFUSED: Final = (
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "kill", "tkill", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal", "pidfd_getfd", "listen", "bind", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "unshare", "setns", "open_by_handle_at", "bpf",
    "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "personality", "reboot", "syslog", "settimeofday", "clock_settime",
)  # fmt: skip
# The rarer families have been doors into the kernel time and again, and no backend is behind one.
FAMILIES: Final = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6

CLONE_THREAD: Final = 0x10000
X32: Final = 0x40000000  # the other way to call an x86_64 kernel, with numbers of its own

# linux/seccomp.h: struct seccomp_data begins with number and machine; arguments of 8 bytes follow at 16.
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16
ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000  # with an errno in the lower half
KILL: Final = 0x80000000  # the whole process

LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K

Line = tuple[int, int, int, int]  # code, how many to skip if true, if false, operand
INSTRUCTION: Final = "HBBI"


def program(machine: Machine, pid: int) -> list[Line]:
    """The filter for the process of that number, on this machine."""
    return list(_lines(machine, pid))


def assembled(lines: list[Line]) -> bytes:
    """As the kernel wants it: struct sock_filter, one after the other."""
    return b"".join(struct.pack(INSTRUCTION, *line) for line in lines)


def _lines(machine: Machine, pid: int) -> Iterator[Line]:
    calls = machine.calls
    yield LOAD, 0, 0, MACHINE
    # Before any number is looked at: a process of x86_64 may call the kernel as a 32-bit one, where the same
    # numbers are other calls. Nobody does that by mistake, hence the end of the process and no errno.
    yield EQUAL, 1, 0, machine.audit
    yield RETURN, 0, 0, KILL
    yield LOAD, 0, 0, NUMBER
    # x32 calls come with the same audit value and a bit set in the number: each comparison below would miss them.
    yield AT_LEAST, 0, 1, X32
    yield RETURN, 0, 0, REFUSE | errno.EPERM
    yield from _when(calls["clone3"], REFUSE | errno.ENOSYS)
    for name in REFUSED:
        if name in calls:
            yield from _when(calls[name], REFUSE | errno.EPERM)
    # Skips count the lines between: 4 is the block to the next EQUAL. A fork without fork(2) is a clone without CLONE_THREAD.
    yield EQUAL, 0, 4, calls["clone"]
    yield LOAD, 0, 0, FIRST_ARGUMENT
    yield ANY_BIT, 1, 0, CLONE_THREAD
    yield RETURN, 0, 0, REFUSE | errno.EPERM
    yield RETURN, 0, 0, ALLOW
    # Landlock keeps signals within the process as well, but only from its version 6 (Linux 6.12) on.
    yield EQUAL, 0, 4, calls["tgkill"]
    yield LOAD, 0, 0, FIRST_ARGUMENT
    yield EQUAL, 1, 0, pid
    yield RETURN, 0, 0, REFUSE | errno.EPERM
    yield RETURN, 0, 0, ALLOW
    yield EQUAL, 0, 2 + len(FAMILIES), calls["socket"]
    yield LOAD, 0, 0, FIRST_ARGUMENT
    for place, family in enumerate(FAMILIES):
        yield EQUAL, len(FAMILIES) - place, 0, family
    # What a kernel built without the family would say: a C library that asks for AF_NETLINK while it looks a name up goes on without it.
    yield RETURN, 0, 0, REFUSE | errno.EAFNOSUPPORT
    yield RETURN, 0, 0, ALLOW


def _when(number: int, verdict: int) -> Iterator[Line]:
    yield EQUAL, 0, 1, number
    yield RETURN, 0, 0, verdict
