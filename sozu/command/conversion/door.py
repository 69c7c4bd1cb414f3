"""What comes out is what the master takes in: each entry is carried out here as an order, and what is refused is left out with a note. Pure."""

from typing import Any, Final

import msgspec

from sozu.command.conversion.source import Table
from sozu.command.draft import Draft
from sozu.command.facts import Protocol
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.rules import Objection, carry_out
from sozu.command.state import ConfigState

Order = type[AddBackend] | type[AddCluster] | type[AddHttpFrontend] | type[AddListener]
# A frontend without a condition, or a listener at another address, would take requests that were never meant for it. The rest are manners,
# without which somebody is served less well, and told so.
_NEVER_LEFT_OUT = frozenset(
    ("address", "protocol", "cluster", "hostname", "hostname_regex", "path", "path_exact", "path_regex", "methods", "position", "listener", "deny"),
)  # who asked for less than all would take all


# In a request `id` is the request's own, so the order calls a backend's otherwise; objections are told in the words of the file.
_IN_ORDERS: Final = {"id": "backend_id"}
_IN_THE_FILE: Final = {order: file for file, order in _IN_ORDERS.items()}


class Door:
    """The configuration as far as it was converted."""

    def __init__(self) -> None:
        self._draft = Draft(ConfigState())

    def admit(self, table: Table, kind: Order, entry: dict[str, Any], **known: str) -> dict[str, Any]:
        """The entry without what makes no sense; empty if nothing is left. `known` is what an order says besides."""
        # Each turn takes one field out of the entry or ends it, so this ends. One objection at a time is all that the rules tell.
        while (objection := self._objection(kind, entry | known)) is not None:
            field = _IN_THE_FILE.get(objection.field or "", objection.field or "").partition(".")[0]
            # Without a field that the entry has there is nothing to take out: the objection is to the whole, such as that it was said twice.
            lost = field in entry and field not in _NEVER_LEFT_OUT
            table.notes.add(table.place, f"{field + ': ' if field else ''}{objection}; {'this' if lost else 'all of it'} is left out")
            if not lost:
                return {}
            entry = {name: value for name, value in entry.items() if name != field}
        return entry

    def takes(self, entry: dict[str, Any]) -> Objection | None:
        """Why a frontend could not say this; nothing comes of it."""
        # In an empty draft, not in the configuration's: what was carried out there stays, and whether the frontend itself will be taken in is not known yet.
        draft, self._draft = self._draft, Draft(ConfigState())
        try:
            return self._objection(AddHttpFrontend, {"cluster": "any", "hostname": "*"} | entry)
        finally:
            self._draft = draft

    def _objection(self, kind: Order, entry: dict[str, Any]) -> Objection | None:
        try:
            order = msgspec.convert({_IN_ORDERS.get(name, name): value for name, value in entry.items()}, kind)
            self._prepare(order)
            # As when our own files are read: without an effect, or with a fact before, it was said further up, and what is further up would be overwritten.
            # Whatever was prepared has effects of its own, hence the count after it.
            effects = len(self._draft.effects)
            carry_out(self._draft, order)
        except Objection as objection:
            return objection
        except msgspec.ValidationError as error:
            # msgspec says "Expected `int` <= 100 - at `$.weight`": which field it was stands in its text alone.
            text, _, place = str(error).partition(" - at `$.")
            return Objection(text, place.rstrip("`").replace("[", ".").partition(".")[0])
        if isinstance(order, AddCluster | AddListener):
            return None  # it may have been prepared
        twice = not self._draft.effects[effects:] or self._draft.effects[-1].before is not None
        return Objection("the file has this already, further up") if twice else None

    def _prepare(self, order: AnyOrder) -> None:
        """Listeners are complete only in the end, and clusters are admitted before what is in them."""
        if isinstance(order, AddHttpFrontend):
            if order.cluster not in self._draft.clusters:
                carry_out(self._draft, AddCluster(cluster=order.cluster))
            if order.listener is not None and order.listener not in self._draft.listeners:
                carry_out(self._draft, AddListener(protocol=Protocol.HTTP, address=order.listener))
