"""The command library: what any script may use to talk to the master. No gevent, no proxy; threads are welcome.

finding      where the command socket is
connection   frames, and answers that find their request
client       what can be said
transaction  orders that take effect together
errors       how it can fail
"""

from sozu.command.client.client import Client
from sozu.command.client.errors import ConnectionLost, NoMaster, RequestRefused
from sozu.command.client.finding import SOCKET_NAME, SOCKET_VARIABLE, find_socket, socket_candidates
from sozu.command.client.transaction import Transaction

__all__ = [
    "SOCKET_NAME",
    "SOCKET_VARIABLE",
    "Client",
    "ConnectionLost",
    "NoMaster",
    "RequestRefused",
    "Transaction",
    "find_socket",
    "socket_candidates",
]
