"""`sozu workers N`: more or fewer workers while the proxy serves.

A new slot's sockets open when its worker is about to accept. Before slots go, new connections are steered to those that stay; their
workers go on accepting for a moment, for handshakes under way, then take who is left in their queues, and drain.
"""

from collections.abc import Sequence
import logging

import gevent

from sozu.command.worker_protocol import Apportion
from sozu.master.sockets import ListenerSockets
from sozu.master.tools.tool import Declined, Final, Say
from sozu.master.workers.roster import Worker
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")

MOST = 1024
# The kernel chooses a socket when the SYN comes, and puts the
# connection into its queue with the client's ACK, a round trip later.
HANDSHAKES = 1.0  # seconds for connections that are half open when the steering begins


def resize(slots: Slots, sockets: ListenerSockets, count: int, grace: float, tell: Say) -> Sequence[Worker]:
    """Have so many slots. Returns the workers that drain now. Raises Declined."""
    if not 1 <= count <= MOST:
        raise Declined(f"count: from 1 to {MOST} workers; nothing was changed")
    before = len(list(slots))
    if count > before:
        _grow(slots, sockets, count, tell)
    leaving = _shrink(slots, sockets, count, grace, tell) if count < before else ()
    _apportion(slots)
    return leaving


def _grow(slots: Slots, sockets: ListenerSockets, count: int, tell: Say) -> None:
    tell(f"{count - len(list(slots))} more to start", None)
    # First of all: a listener that comes while these workers start is opened for them too.
    sockets.slots = count
    for slot in slots.add(count):
        about = {"worker": slot.number}
        if slot.worker is None or slot.vacant:
            tell(f"worker {slot.number} has not come to accept; it is tried again", about)
        else:
            tell(f"{slot.worker.name} accepts", {**about, "pid": slot.worker.process.pid})


def _shrink(slots: Slots, sockets: ListenerSockets, count: int, grace: float, tell: Say) -> Sequence[Worker]:
    tell(f"new connections go to {'worker 0' if count == 1 else f'workers 0 to {count - 1}'}", None)
    # Steer, wait, drop, and close in the end (`settle`): who is in a queue that is closed is reset, and so is who is on
    # the way there.
    sockets.steer(count)
    gevent.sleep(HANDSHAKES)
    leaving = slots.drop(count, grace)
    for worker in leaving:
        tell(f"{worker.name} accepts no more and finishes what it has", {"worker": worker.slot})
    return leaving


def _apportion(slots: Slots) -> None:
    """Have those that serve divide limits among as many as there are now."""
    serving = tuple(slots)
    # Newcomers were told in their briefing; those that stay divide by the number before until they hear this.
    for slot in serving:
        if slot.worker is not None and not slot.vacant:
            slot.worker.link.tell(Apportion(workers=len(serving)))


def settle(sockets: ListenerSockets, count: int, leaving: Sequence[Worker]) -> Final:
    """Nobody uses the sockets of the slots that went: close them, and let the kernel spread again."""
    sockets.shrink(count)
    words = f"{count} {'worker' if count == 1 else 'workers'}"
    return Final(f"{words} now", {"workers": count, "left": [worker.slot for worker in leaving]})
