"""What a transaction is to lead to, where it is not given as orders: the orders follow from the state that it meets. Pure.

Such an aim is worked out by the ledger at the moment of the commit, so that whatever was committed before it is taken into account.
"""

from collections.abc import Callable, Sequence

from sozu.command.commit import commit
from sozu.command.orders import AddListener, AnyOrder, GivenCertificate
from sozu.command.state import ConfigState, addition, diff
from sozu.master.ports import remembered_ports

Aim = Callable[[ConfigState], Sequence[AnyOrder]]  # may raise Refused


def these(orders: Sequence[AnyOrder]) -> Aim:
    """Exactly these orders."""
    return lambda _: orders


def nothing_but(orders: Sequence[AnyOrder]) -> Aim:
    """These orders are the whole configuration: what they do not say goes. Port 0 means the port that was chosen for it before.

    Certificates are the exception: where the orders name none, those that are held stay, since nobody is told their keys to name them with.
    """

    def aim(state: ConfigState) -> Sequence[AnyOrder]:
        wanted = remembered_ports(orders, state.listeners.values())
        if not any(isinstance(order, GivenCertificate) for order in orders):
            listeners = [order for order in wanted if isinstance(order, AddListener)]
            held = [addition(certificate) for certificate in state.certificates.values()]
            wanted = [*listeners, *held, *(order for order in wanted if not isinstance(order, AddListener))]
        return diff(state, commit(ConfigState(), wanted).state)

    return aim


def the_same_as(target: ConfigState) -> Aim:
    """To say what another state says."""
    return lambda state: diff(state, target)
