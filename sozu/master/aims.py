"""What a transaction is to lead to, where it is not given as orders: the orders follow from the state that it meets. Pure.

Such an aim is worked out by the ledger at the moment of the commit, so that whatever was committed before it is taken into account.
"""

from collections.abc import Callable, Sequence

from sozu.command.commit import commit
from sozu.command.orders import AddListener, AnyOrder, GivenCertificate
from sozu.command.state import ConfigState, addition, diff
from sozu.master.ports import remembered_ports

# A function and not a list: between a tool's message and the clerk's turn others may commit, and a difference that was
# worked out before that would undo what they did, or name what is not there any more.
Aim = Callable[[ConfigState], Sequence[AnyOrder]]  # may raise Refused


def these(orders: Sequence[AnyOrder]) -> Aim:
    """Exactly these orders."""
    return lambda _: orders


def nothing_but(orders: Sequence[AnyOrder]) -> Aim:
    """These orders are the whole configuration: what they do not say goes. Port 0 means the port that was chosen for it before.

    Certificates are the exception: where the orders name none, those that are held stay, since nobody is told their keys to name them with.
    """

    def aim(state: ConfigState) -> Sequence[AnyOrder]:
        # A file says port 0 each time it is applied. Without this, each time would close the listener that the kernel
        # gave a port and open another one elsewhere.
        wanted = remembered_ports(orders, state.listeners.values())
        if not any(isinstance(order, GivenCertificate) for order in orders):
            # `commit` looks at one order after the other: a certificate names listeners that have to be there, and a
            # frontend may be pinned to a certificate. Put last, the held ones would refuse every file with such a pin.
            listeners = [order for order in wanted if isinstance(order, AddListener)]
            held = [addition(certificate) for certificate in state.certificates.values()]
            wanted = [*listeners, *held, *(order for order in wanted if not isinstance(order, AddListener))]
        # Carried out on nothing first: only two whole states can be
        # compared, and what these orders leave out is what has to go.
        return diff(state, commit(ConfigState(), wanted).state)

    return aim


def the_same_as(target: ConfigState) -> Aim:
    """To say what another state says."""
    return lambda state: diff(state, target)
