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
_NEVER_LEFT_OUT = frozenset(
    ("address", "protocol", "cluster", "hostname", "hostname_regex", "path", "path_exact", "path_regex", "methods", "position", "listener", "deny"),
)  # who asked for less than all would take all


_IN_ORDERS: Final = {"id": "backend_id"}
_IN_THE_FILE: Final = {order: file for file, order in _IN_ORDERS.items()}


class Door:
    """The configuration as far as it was converted."""

    def __init__(self) -> None:
        self._draft = Draft(ConfigState())

    def admit(self, table: Table, kind: Order, entry: dict[str, Any], **known: str) -> dict[str, Any]:
        """The entry without what makes no sense; empty if nothing is left. `known` is what an order says besides."""
        while (objection := self._objection(kind, entry | known)) is not None:
            field = _IN_THE_FILE.get(objection.field or "", objection.field or "").partition(".")[0]
            lost = field in entry and field not in _NEVER_LEFT_OUT
            table.notes.add(table.place, f"{field + ': ' if field else ''}{objection}; {'this' if lost else 'all of it'} is left out")
            if not lost:
                return {}
            entry = {name: value for name, value in entry.items() if name != field}
        return entry

    def takes(self, entry: dict[str, Any]) -> Objection | None:
        """Why a frontend could not say this; nothing comes of it."""
        draft, self._draft = self._draft, Draft(ConfigState())
        try:
            return self._objection(AddHttpFrontend, {"cluster": "any", "hostname": "*"} | entry)
        finally:
            self._draft = draft

    def _objection(self, kind: Order, entry: dict[str, Any]) -> Objection | None:
        try:
            order = msgspec.convert({_IN_ORDERS.get(name, name): value for name, value in entry.items()}, kind)
            self._prepare(order)
            effects = len(self._draft.effects)
            carry_out(self._draft, order)
        except Objection as objection:
            return objection
        except msgspec.ValidationError as error:
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
