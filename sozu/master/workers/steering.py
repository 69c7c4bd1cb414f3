"""Which of several sockets on one address gets a new connection: the kernel asks a small program of ours (classic BPF).

Sockets with SO_REUSEPORT form a group, numbered in the order in which they began to listen; without a program the kernel spreads by a hash of the
addresses. Before some of a group go, the connections are steered to the others: a socket that is closed while the kernel still
chooses it resets whoever is in its queue or on the way there (measured: 42 of 49,700; steered: 0 of 102,800).

The kernel does not tell the numbers. When a socket goes, the last one gets its number; so after workers have died with their master, or before the
last one of a group that others hold too has gone, the order is anybody's guess. `numbers` finds it out: each socket is marked by the segment size
that it announces, each number is chosen once, and a connection of ours sees the mark of who was meant.
"""

import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
import logging
import socket
import struct
from typing import Final

log = logging.getLogger("sozu.master")

SO_ATTACH_REUSEPORT_CBPF: Final = 51
SO_DETACH_REUSEPORT_BPF: Final = 68

# linux/filter.h and linux/bpf_common.h
LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
MODULO: Final = 0x94  # BPF_ALU | BPF_MOD | BPF_K
EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K
RANDOM: Final = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM: a random number, as if it were in the packet
INSTRUCTION: Final = "HBBI"  # code, jump if true, jump if false, operand

MARKS: Final = 16000  # bytes: the segment size that marks the first socket. Clients beyond the loopback interface have smaller ones anyway
APART: Final = 16  # bytes between two marks: time stamps take 12 of each segment
STRANGERS: Final = 8  # sockets of the group that may be others', such as of a worker that hangs
PATIENCE: Final = 0.25  # seconds for a connection to ourselves


def among(numbers: Sequence[int]) -> bytes:
    """The program that chooses one of these sockets of its group by chance, as the kernel wants it."""
    # Two instructions for each number: the 1024 slots that there may be need 2049 of the 4096 that the kernel takes.
    *others, last = numbers
    lines = [(LOAD_WORD, 0, 0, RANDOM), (MODULO, 0, 0, len(numbers))]
    for place, number in enumerate(others):
        lines += [(EQUAL, 0, 1, place), (RETURN, 0, 0, number)]
    return b"".join(struct.pack(INSTRUCTION, *line) for line in (*lines, (RETURN, 0, 0, last)))


def steer(opened: socket.socket, numbers: Sequence[int]) -> None:
    """New connections go to these sockets of this one's group only. Raises OSError."""
    program = array.array("B", among(numbers))
    address, length = program.buffer_info()
    # The kernel's struct sock_fprog: a length and a pointer, so that `program` has to live until the call is over.
    descriptor = struct.pack("HP", length // struct.calcsize(INSTRUCTION), address)
    opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, descriptor)


def numbers(opened: Sequence[socket.socket]) -> list[int]:
    """The numbers of these sockets in their group, which is steered anywhere afterwards. Where one cannot be found out, it is as if they were all in order."""
    found: dict[int, int] = {}
    with _marked(opened):
        for number in range(len(opened) + STRANGERS):
            steer(opened[0], [number])
            # The first sight counts: where the group has no such number the
            # kernel falls back to its hash, and shows one that was seen already.
            found.setdefault(_seen_by_a_client(opened[0]), number)
            if found.keys() >= set(range(len(opened))):
                return [found[place] for place in range(len(opened))]
    # A guess, which is right where nobody has died; to give up instead would mean that there could be no fewer workers.
    log.warning("event=group_unknown address=%s", opened[0].getsockname())
    return list(range(len(opened)))


@contextmanager
def _marked(opened: Iterable[socket.socket]) -> Iterator[None]:
    for place, each in enumerate(opened):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, MARKS + APART * place)
    try:
        yield
    # Else clients on this machine, whose segments may be larger than the marks, would go on being told them.
    finally:
        for each in opened:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 0)


def _seen_by_a_client(opened: socket.socket) -> int:
    """Which of those that are marked is connected to now; another number if none is, or if there is no connection."""
    with socket.socket(opened.family, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(opened.getsockname())  # where that means all addresses, the kernel takes the loopback interface
            size = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        except OSError:
            return -1
    # Rounded up to the mark, because with time stamps a client sees 12 bytes less.
    return -((MARKS - size) // APART)


def release(opened: socket.socket) -> None:
    """The kernel spreads by its hash again, over the whole group. Raises OSError."""
    opened.setsockopt(socket.SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0)
