"""The traffic's wing: the library to make a proxy with, and the worker that a master starts.

In the order a newcomer should read (DESIGN.md section 3 is the why, docs/life_of_a_request.md the walk through it):
    session, exchange   a client's connection; one request and its response, straight through
    front, back, pool   the two sides of an exchange, and where backend connections rest
    heads, forwarding, answering, bodies, upload
                        what goes from one side to the other
    stream, deadlines, clock, spares
                        waiting without wasting: sockets, time, greenlets
    traffic             what all sessions of a worker share
    registry            backends as a worker lives with them, and the choice among them
    record, counters, access_log, default_answers
                        what is remembered, counted, written down, and said when no backend answers
    worker              the process around all this: channel, transactions, accept loop, drain
Greenlets by name, no monkey-patching. It imports no master: both speak sozu.command.
"""
