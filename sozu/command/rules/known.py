"""What an order may name because it is there. Pure."""

from sozu.command.draft import Draft
from sozu.command.facts import Listener
from sozu.command.nearest import did_you_mean
from sozu.command.rules.objections import Unknown


def known_listener(draft: Draft, address: str, field: str) -> Listener:
    """The listener at this address. Raises Unknown."""
    # In a file of its own: rules of certificates, frontends and listeners ask this, and the last of these import the first.
    listener = draft.listeners.get(address)
    if listener is None:
        raise Unknown(f"there is no listener at {address}{did_you_mean(address, draft.listeners)}", field)
    return listener
