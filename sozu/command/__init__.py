"""The language of the command socket: what tools, master and workers say to each other, and the state they agree on.

Nothing here needs gevent or knows a process: any script may import it. In the order a newcomer should read:
    facts            what a configuration consists of: listener, cluster, frontend, backend, certificate
    orders           one change of configuration each
    requests         everything else that a tool may ask of the master, and the strict door (`shape`: what does not fit, and where)
    answers          PROCESSING | OK | ERROR
    client/          what any script may use: `from sozu.command import Client`
    addresses, hostnames, nearest    how users write things, and what they meant
    state, draft, commit             the facts by key; orders -> (new state, effects), pure (`grouping`: what hangs on a cluster)
    rules/           what each kind of order may do
    planning/        what a change would mean
    routes, paths    the table that answers "whose request is this?"
    journal/         the file that holds the committed transactions
    settings, config the configuration file and its errors
    worker_protocol  what master and worker say to each other over a channel
    channel          a framed two-way socket that can carry descriptors
"""

from sozu.command.client import Client, ConnectionLost, NoMaster, RequestRefused

__all__ = ["Client", "ConnectionLost", "NoMaster", "RequestRefused"]
