"""What happened to the proxy, numbered: what `subscribe_events` tells and `sozu events` shows."""

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event. Numbers grow by one and begin at 1 with each start of the proxy; `when` is seconds since 1970; `data` depends on the kind."""

    # A subscriber tells by it what it has missed; it is also what goes on unbroken when one master follows another.
    number: int
    when: float
    kind: str
    message: str
    data: dict[str, Any] = {}
