"""The master's wing: processes, descriptors, state, and gathering answers. It never touches a client's bytes.

In the order a newcomer should read (DESIGN.md section 4 is the why, docs/life_of_an_order.md the walk through it):
    serving         `serve`: open everything, obey until told to stop, close everything
    slots           `fill(slot)`: the one way a worker comes to be, for start, crash and replacement
    process, worker_link, roster, backoff
                    a child and its end; the master's side of its channel; who hears transactions; when to try again
    sockets         the listening sockets: the master opens and keeps them, workers borrow them
    briefing        what a new worker is told before it may accept
    ledger          the one greenlet that owns state and journal: validate, bind, fsync, publish
    gathering       one question to many workers, one deadline
    door, conversation, verbs
                    the command socket; one tool's connection; one small answer per verb
    stopping        soft and hard
    logs, exposition, metrics_page, signals, notify
                    access log, Prometheus, signals, systemd
Greenlets by name, no monkey-patching; nothing here blocks the loop for longer than a fork.
"""
