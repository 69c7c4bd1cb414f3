"""What orders may do to listeners. Pure."""

import msgspec

from sozu.command.draft import Draft
from sozu.command.facts import Listener, Protocol
from sozu.command.orders import ActivateListener, AddListener, DeactivateListener, RemoveListener, UpdateListener, given
from sozu.command.rules.answers import answers_in
from sozu.command.rules.certificates import leave_listener
from sozu.command.rules.edits import networks_in
from sozu.command.rules.known import known_listener
from sozu.command.rules.names import frontend_name
from sozu.command.rules.objections import Objection
from sozu.command.rules.spellings import address_in
from sozu.command.rules.terms import check_terms


def add_listener(draft: Draft, order: AddListener) -> None:
    """Accept on one more address, or on one that is there with other settings."""
    # Its cluster need not be there yet, for a file may name listeners first; `sozu check` warns of one that never comes.
    listener = Listener(**{**given(order), "address": address_in(order.address)})
    draft.put(_checked(listener))


def update_listener(draft: Draft, order: UpdateListener) -> None:
    """Change some settings of a listener; those that the order leaves out stay as they are."""
    listener = _named(draft, order)
    # The rules are asked of the listener as it is afterwards, not of the order: two settings may be right each by itself and wrong together.
    changed = msgspec.structs.replace(listener, **given(order, but=("protocol", "address")))
    draft.put(_checked(changed))


def switch_listener(draft: Draft, order: ActivateListener | DeactivateListener) -> None:
    """Begin or cease to accept; the listener is known all the while."""
    draft.put(msgspec.structs.replace(_named(draft, order), active=isinstance(order, ActivateListener)))


def remove_listener(draft: Draft, order: RemoveListener) -> None:
    """Refused while a frontend is for this listener only."""
    listener = _named(draft, order)
    # Such a frontend would take no request any more and nobody would be told. Those for all listeners stay, and serve at the others.
    for frontend in draft.frontends.values():
        if frontend.listener == listener.address:
            raise Objection(f"frontend {frontend_name(frontend)} of cluster {frontend.cluster} is for this listener only")
    # Last of what may object, first of what changes: see `carry_out`.
    leave_listener(draft, listener.address)
    draft.take(listener)


def _named(draft: Draft, order: RemoveListener | UpdateListener | ActivateListener | DeactivateListener) -> Listener:
    # The protocol is no key, but who names another one than it speaks has mistaken the address, and would change a listener that others use.
    listener = known_listener(draft, address_in(order.address), "address")
    if listener.protocol is not order.protocol:
        raise Objection(f"the listener at {listener.address} speaks {listener.protocol}, not {order.protocol}", "protocol")
    return listener


def _checked(listener: Listener) -> Listener:
    _check_words(listener)
    if listener.protocol is not Protocol.TCP and listener.cluster is not None:
        raise Objection(f"an {listener.protocol} listener has no cluster: frontends decide where its requests go", "cluster")
    if listener.tls is not None:
        if listener.protocol is not Protocol.HTTPS:
            raise Objection(f"tls is for https listeners, and this one speaks {listener.protocol}", "tls")
        check_terms(listener.tls)
    return msgspec.structs.replace(
        listener,
        # All three leave in normal form: who lists the same in another order has said the same, and the update has no effect.
        answers=answers_in(listener.answers),
        proxy_from=networks_in(listener.proxy_from, "proxy_from"),
        trusted=networks_in(listener.trusted, "trusted"),
    )


def _check_words(listener: Listener) -> None:
    """Whose word is taken for who a client is."""
    # `proxy_from` is another matter: a PROXY header comes before the first byte of any protocol.
    if listener.protocol is Protocol.TCP and listener.trusted:
        raise Objection("a tcp listener reads no fields that could be trusted", "trusted")
