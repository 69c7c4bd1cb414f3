"""Port 0 in orders: the kernel chooses one, once, and everything that named the address follows. Pure but for `listen`."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from sozu.command.addresses import has_port_0, parse_address
from sozu.command.facts import Listener
from sozu.command.orders import AddCertificate, AddHttpFrontend, AddListener, AnyOrder


def with_real_ports(orders: Iterable[AnyOrder], listen: Callable[[AddListener], str]) -> Iterator[AnyOrder]:
    """The orders, with what `listen` says in place of each listener's address that has port 0.

    Frontends and certificates of the same transaction that are for such a listener follow it.
    """
    # One pass is enough: whoever names a listener stands behind
    # it, since `commit` refuses the name of what is not there yet.
    real: dict[str, str] = {}
    for order in orders:
        match order:
            case AddListener(address=address) if has_port_0(address):
                real[address] = listen(order)
                # The port that it became goes into the journal, and not the 0: a master that asked the kernel anew at
                # each start would listen elsewhere than its clients think.
                yield msgspec.structs.replace(order, address=real[address])
            case AddHttpFrontend(listener=str(address)) | AddCertificate(listener=str(address)) if address in real:
                yield msgspec.structs.replace(order, listener=real[address])
            case AddCertificate(listeners=addresses) if not real.keys().isdisjoint(addresses):
                yield msgspec.structs.replace(order, listeners=tuple(real.get(address, address) for address in addresses))
            case _:
                yield order


def remembered_ports(wanted: Iterable[AnyOrder], held: Iterable[Listener]) -> list[AnyOrder]:
    """The orders, with the ports that `held` listeners of the same host and protocol got in an earlier run in place of port 0.

    So a restart with the same file finds its addresses again, and shows no difference where there is none.
    """
    wanted = list(wanted)
    # A held listener that the file names by its port is that one. Were it given
    # to a listener at port 0 besides, two orders would be about the same address.
    taken = {order.address for order in wanted if isinstance(order, AddListener)}
    free = [listener for listener in held if listener.address not in taken]

    def remember(order: AddListener) -> str:
        host = parse_address(order.address).host
        for listener in free:
            if listener.protocol is order.protocol and parse_address(listener.address).host == host:
                # Each is given once: a file with two listeners at port 0 of one host wants two ports.
                free.remove(listener)
                return listener.address
        return order.address

    return list(with_real_ports(wanted, remember))
