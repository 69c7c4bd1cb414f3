"""The calls into the kernel that Python has no function for: prctl(2), landlock(7), capset(2). All raise OSError."""

import ctypes
import os
import struct
from typing import Final

PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_SET_NO_NEW_PRIVS: Final = 38
SECCOMP_MODE_FILTER: Final = 2

LANDLOCK_CREATE_RULESET: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT_SELF: Final = 446
CREATE_RULESET_VERSION: Final = 1
RULE_PATH_BENEATH: Final = 1
READ_FILE, WRITE_FILE, READ_DIRECTORY = 1 << 2, 1 << 1, 1 << 3
SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 0b11
BIND_TCP: Final = 1
CAP_DAC_OVERRIDE: Final = 1 << 1
CAPABILITY_VERSION: Final = 0x20080522
CAPSET: Final = {"x86_64": 126, "aarch64": 91}

# `use_errno`: ctypes keeps a copy of errno right behind the call; the interpreter's own calls would overwrite it before we look.
_libc = ctypes.CDLL(None, use_errno=True)


def no_new_privileges() -> None:
    """No program that we might exec, set-uid or not, could do more than we."""
    # The last three must be 0: prctl(2) refuses the call otherwise, so that they may mean something one day.
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def dumpable() -> None:
    """Whoever has changed its uid owns its /proc/self again: a certificate is loaded by way of /proc/self/fd."""
    _check(_libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))


def filter_calls(program: bytes) -> None:
    """Have seccomp run this filter from now on, in this thread and those that it starts."""
    # Held in a variable until the kernel has copied it: `descriptor` has only its address (struct sock_fprog: a count of instructions and a pointer).
    held = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, descriptor, 0, 0))


def landlock_version() -> int:
    """Which Landlock the kernel has. Raises OSError if it has none."""
    return _call(LANDLOCK_CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)


def lock_file_system(version: int, allowed: dict[str, int]) -> None:
    """Refuse every opening, making and removing of files but for what is beneath these paths, and binding TCP where the version can.

    Holds for this thread and those that it starts.
    """
    # What a ruleset handles is refused unless a rule allows it. To connect is not handled: a proxy does little else, to named unix sockets too.
    ruleset = _call(LANDLOCK_CREATE_RULESET, *_buffer(_attributes(version)), 0)
    try:
        for path, access in allowed.items():
            # O_PATH: a rule needs to know the file, and neither a right to read it nor an open file, whose driver might do something.
            parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                # Packed ("="): struct landlock_path_beneath_attr has no padding behind its 12 bytes.
                rule, _ = _buffer(struct.pack("=Qi", access, parent))
                _call(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)
            finally:
                os.close(parent)
        _call(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def keep_capabilities(kept: int, machine: str) -> None:
    """Give up every capability that is not in this mask, for good."""
    # Pid 0 is ourselves. Version 3 has two words each of effective, permitted and inheritable capabilities.
    # What is permitted no more does not come back, and what is not inheritable cannot be ambient either.
    header, _ = _buffer(struct.pack("Ii", CAPABILITY_VERSION, 0))
    data, _ = _buffer(struct.pack("6I", kept, kept, 0, 0, 0, 0))
    _call(CAPSET[machine], header, data)


def _attributes(version: int) -> bytes:
    # A bit that the kernel does not know is EINVAL, and a longer struct than its own E2BIG, so each version gets just
    # what it can: 2 moving between folders, 3 truncating, 5 ioctl on devices; 4 has the second word, 6 the third.
    files = (1 << 13) - 1 | (1 << 13 if version >= 2 else 0) | (1 << 14 if version >= 3 else 0) | (1 << 15 if version >= 5 else 0)
    if version < 4:
        return struct.pack("Q", files)
    if version < 6:
        return struct.pack("QQ", files, BIND_TCP)
    return struct.pack("QQQ", files, BIND_TCP, SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)


def _buffer(content: bytes) -> tuple[ctypes.Array[ctypes.c_char], int]:
    return ctypes.create_string_buffer(content, len(content)), len(content)


def _call(number: int, *arguments: object) -> int:
    # syscall(2) takes any number of arguments and reads whole registers: ctypes hands a Python int over as a C int, which says nothing of the upper half.
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *wide)
    return _check(result)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
