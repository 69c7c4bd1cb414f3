"""What orders may do to the settings that can be changed while the proxy serves. Pure."""

import msgspec

from sozu.command.draft import Draft
from sozu.command.facts import Overrides
from sozu.command.orders import UpdateSettings, given
from sozu.command.rules.limits import MOST_CONNECTIONS, MOST_WORKERS, check_limits
from sozu.command.rules.objections import Objection


def update_settings(draft: Draft, order: UpdateSettings) -> None:
    """Change some settings; one that is null is as the master's file says again."""
    held = draft.overrides.get(Overrides.KEY, Overrides())
    # A null in the order becomes None, which says "as in the file"; what was left out is UNSET and does not get here (`given`). So one setting is
    # changed without the others being known.
    changed = msgspec.structs.replace(held, **given(order))
    if changed.max_connections is not None and not 1 <= changed.max_connections <= MOST_CONNECTIONS:
        raise Objection(f"max_connections: 1 to {MOST_CONNECTIONS}", "max_connections")
    if changed.workers is not None and not 1 <= changed.workers <= MOST_WORKERS:
        raise Objection(f"workers: 1 to {MOST_WORKERS}", "workers")
    check_limits(changed)
    # Overrides that say nothing are taken away: states that mean the same are the same, and `diff` between them is empty.
    if changed != Overrides():
        draft.put(changed)
    elif Overrides.KEY in draft.overrides:
        draft.take(held)
