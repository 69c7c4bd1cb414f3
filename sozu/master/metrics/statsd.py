"""Figures to a statsd server: every ten seconds over UDP what has been counted meanwhile, and what stands now.

Nobody answers, and nobody is waited for: what gets lost is lost, and so is what a worker has counted since the last time when it ends.
The format is that of github.com/statsd/statsd (docs/metric_types.md), one figure a line.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import logging
from typing import Any, Final

import gevent
from gevent import socket

from sozu.command.addresses import Address, parse_address
from sozu.master.metrics.counted import COUNTERS, GAUGES, MasterFigures, Snapshots

log = logging.getLogger("sozu.master")

INTERVAL: Final = 10.0  # seconds: what statsd itself flushes in
LONGEST: Final = 1432  # bytes of a packet that no usual network cuts

Reading = tuple[MasterFigures, Snapshots]


@contextmanager
def telling(address: str | None, read: Callable[[], Reading], interval: float = INTERVAL) -> Iterator[None]:
    """Tell the server at this address as long as the block lasts; with None, nobody. What `read` gives at first is where counting begins."""
    if address is None:
        yield
        return
    teller = gevent.spawn(_tell, parse_address(address), read, interval)
    try:
        yield
    finally:
        teller.kill()


def lines(last: Reading, now: Reading) -> Iterator[str]:
    """The figures of all workers together. Pure."""
    new = list(_counted_since(last, now))
    # Also where nothing was counted: a line that stays away looks like a proxy that has gone.
    for name in COUNTERS:
        yield f"sozu.{name}:{sum(each.get(name, 0) for each in new)}|c"
    for status in sorted({status for each in new for status in each["statuses"]}):
        yield f"sozu.responses.{status}:{sum(each['statuses'].get(status, 0) for each in new)}|c"
    master, workers = now
    for name in GAUGES:
        yield f"sozu.{name}:{sum(each.get(name, 0) for each in workers.values())}|g"
    for state in sorted({state for each in workers.values() for state in each.get("backends", {})}):
        # The largest of them and no sum: each worker judges the same backends for itself, and a sum would count one
        # that is down as often as there are workers.
        yield f"sozu.backends.{state}:{max(each['backends'].get(state, 0) for each in workers.values())}|g"
    yield f"sozu.revision:{master.revision}|g"
    yield f"sozu.workers_running:{master.running}|g"


def packets(figures: Iterator[str]) -> Iterator[bytes]:
    """As many lines in each as fit."""
    held = ""
    for line in figures:
        # Names and numbers are ASCII, so characters are bytes.
        if held and len(held) + 1 + len(line) > LONGEST:
            yield held.encode()
            held = ""
        held = f"{held}\n{line}" if held else line
    yield held.encode()


def _counted_since(last: Reading, now: Reading) -> Iterator[Mapping[str, Any]]:
    """Of each worker; one that has taken another's place has counted from 0."""
    for worker, figures in now[1].items():
        # By how often the slot was filled, and not by a count that has become less: a busy newcomer may be further than
        # its predecessor was ten seconds ago.
        same = last[0].fills.get(worker) == now[0].fills.get(worker)
        before = last[1].get(worker, {}) if same else {}
        counted = {name: figures[name] - before.get(name, 0) for name in COUNTERS if name in figures}
        statuses = before.get("statuses", {})
        yield {**counted, "statuses": {each: count - statuses.get(each, 0) for each, count in figures.get("statuses", {}).items()}}


def _tell(address: Address, read: Callable[[], Reading], interval: float) -> None:
    # Only a beginning, and told to nobody: after an upgrade of the master the workers may have counted for weeks, which
    # the server would take for ten seconds.
    last = read()
    with socket.socket(address.family, socket.SOCK_DGRAM) as letters:
        while True:
            gevent.sleep(interval)
            now = read()
            for packet in packets(lines(last, now)):
                _send(letters, packet, address)
            last = now


def _send(letters: socket.socket, packet: bytes, address: Address) -> None:
    try:
        # To an address each time and on no connected socket: there, the kernel
        # would raise a server's ICMP refusal of one packet at the next one.
        letters.sendto(packet, address.sockaddr)
    except OSError as error:
        log.debug("statsd does not hear: %s", error)
