"""What a worker gives up after its start, so that one who has broken in can do nothing but proxy (docs/security.md).

confining   what is given up, in which order, and what to say where the kernel cannot
program     the seccomp filter: which system calls are refused. Pure
numbers     the numbers of system calls, by machine
kernel      the few calls into the kernel that Python has no function for: the only file with ctypes
"""

from sozu.proxy.sandbox.confining import NotConfined, confine

__all__ = ["NotConfined", "confine"]
