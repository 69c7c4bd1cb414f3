"""Numbers of system calls on the machines that we know; <asm/unistd.h> has them. Pure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine: what seccomp calls it (linux/audit.h), and its numbers by name. One that it does not have has none."""

    audit: int
    calls: dict[str, int]


# Same everywhere: calls that are younger than 2019.
YOUNG: Final = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "pidfd_open": 434,
    "clone3": 435,
    "pidfd_getfd": 438,
}

# Written down and not looked up: the C library has no table of names, and the kernel's headers are not there where workers run.
_X86_64: Final = {
    "socket": 41, "bind": 49, "listen": 50, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "syslog": 103,
    "ptrace": 101, "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116, "setresuid": 117, "setresgid": 119,
    "personality": 135, "pivot_root": 155, "chroot": 161, "settimeofday": 164, "mount": 165, "umount2": 166, "reboot": 169,
    "init_module": 175, "delete_module": 176, "rt_sigqueueinfo": 129, "tkill": 200, "clock_settime": 227, "tgkill": 234, "rt_tgsigqueueinfo": 297, "kexec_load": 246, "add_key": 248, "request_key": 249,
    "keyctl": 250, "unshare": 272, "perf_event_open": 298, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310,
    "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "execveat": 322, "userfaultfd": 323,
}  # fmt: skip
_AARCH64: Final = {
    "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "personality": 92, "unshare": 97, "kexec_load": 104, "init_module": 105,
    "delete_module": 106, "clock_settime": 112, "syslog": 116, "ptrace": 117, "kill": 129, "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "reboot": 142, "setregid": 143,
    "setgid": 144, "setreuid": 145, "setuid": 146, "setresuid": 147, "setresgid": 149, "setgroups": 159, "settimeofday": 170, "socket": 198,
    "bind": 200, "listen": 201, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221, "perf_event_open": 241,
    "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273,
    "bpf": 280, "execveat": 281, "userfaultfd": 282, "kexec_file_load": 294,
}  # fmt: skip

MACHINES: Final = {
    "x86_64": Machine(0xC000003E, {**_X86_64, **YOUNG}),
    "aarch64": Machine(0xC00000B7, {**_AARCH64, **YOUNG}),
}
