"""The master's wing: processes, descriptors, state, and gathering answers. It never touches a client's bytes.

In the order a newcomer should read (DESIGN.md section 4 is the why, docs/life_of_an_order.md the walk through it):
    serving      `serve`: open everything, obey until told to stop, close everything
    opening      what is opened before anything is started
    restart      the state a master begins with: journal or file
    sockets      the listening sockets: the master opens and keeps them, workers borrow them
    workers/     the slots and who fills them
    ledger       the one greenlet that owns state and journal: validate, bind, fsync, publish
    publication  a committed transaction on its way to the workers
    aims, aside, departures, history
                 what a transaction is to lead to; a thread for what takes its time; what was removed; what was
    news/        events, numbered
    loads        what runs on the backends
    garbage      Python's collector, kept away from what lives long
    succession/  one master follows another: upgrades
    ports, author
                 port 0 in orders; who asked for a change
    tools/       the command socket
    metrics/     figures for people and for Prometheus
    stopping     soft and hard
    logs, signals, notify
                 the access log's file; signals as a queue; systemd
Greenlets by name, no monkey-patching; nothing here blocks the loop for longer than a fork.
"""

from sozu.master.opening import CannotStart, Programs
from sozu.master.serving import Started, serve, succeed
from sozu.master.succession.estate import Belongings, read_estate
from sozu.master.succession.trial import perform

__all__ = ["Belongings", "CannotStart", "Programs", "Started", "perform", "read_estate", "serve", "succeed"]
