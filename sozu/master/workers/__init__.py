"""The master's children: how a slot is filled and kept filled, and how the master talks with who fills it.

slots       `fill(slot)`: the one way a worker comes to be, for start, crash and replacement
filling     from exec to its word that it accepts
leaving     told to drain, killed if it does not go
process     a child: started by exec, its end learned from a pidfd
link        the master's side of its channel
briefing    what a new worker is told before it may accept
roster      who hears transactions
gathering   one question to many workers, one deadline
rendezvous  where the next master would find a worker
steering    which of several sockets on one address gets a new connection
heartbeat   are they alive?
backoff     when to try again
spare       a process that is started already
"""
