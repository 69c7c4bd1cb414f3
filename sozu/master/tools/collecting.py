"""Transactions of several messages: what one connection has begun, and has not committed yet."""

from collections.abc import Sequence

from sozu.command.orders import AnyOrder
from sozu.master.tools.tool import Declined, Final, Tool
from sozu.master.tools.words import plural

# A tool that collects for ever and never commits is not to have all of the master's memory.
MOST_COLLECTED = 1_000_000  # orders in one transaction


def begin(tool: Tool) -> Final:
    """From here on the tool's orders are collected."""
    # One for each connection: orders carry no name of the transaction that they belong to.
    if tool.collected is not None:
        raise Declined("a transaction has begun already on this connection; commit or abort it first", {"code": "no-transaction"})
    tool.collected = []
    return Final("begun: orders are collected until commit")


def abort(tool: Tool) -> Final:
    """Forget them."""
    count = len(collected(tool))
    tool.collected = None
    return Final(f"forgot {count} {plural(count, 'order')}; nothing was changed")


def collect(tool: Tool, orders: Sequence[AnyOrder]) -> Final:
    """Keep some more."""
    held = collected(tool)
    if len(held) + len(orders) > MOST_COLLECTED:
        raise Declined(f"a transaction has at most {MOST_COLLECTED} orders; these were not collected, the others are")
    held.extend(orders)
    return Final(f"collected: {len(held)} in this transaction", {"collected": len(held)})


def collected(tool: Tool) -> list[AnyOrder]:
    """What was collected; it stays."""
    if tool.collected is None:
        raise Declined("no transaction has begun on this connection; nothing was changed", {"code": "no-transaction"})
    return tool.collected


def taken(tool: Tool) -> list[AnyOrder]:
    """Take what was collected; the transaction is over, whatever becomes of it."""
    orders = collected(tool)
    tool.collected = None
    return orders
