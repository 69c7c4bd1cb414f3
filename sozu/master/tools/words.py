"""What tools are told, in words: outcomes, refusals, places. Pure."""

from collections.abc import Sequence
import socket
from typing import Any

from sozu.command.addresses import parse_address
from sozu.command.answers import Status
from sozu.command.commit import Refused
from sozu.command.facts import Listener
from sozu.command.orders import AddListener, AnyOrder
from sozu.master.publication import Publication
from sozu.master.tools.tool import Say


def hear_workers(publication: Publication, say: Say) -> None:
    """Pass on each worker's confirmation as it comes."""
    for worker, reply in publication:
        if reply.status is Status.OK:
            say(f"{worker.name} is at revision {reply.revision}", {"worker": worker.slot, "revision": reply.revision})
        else:
            say(f"{worker.name}: {reply.message}", {"worker": worker.slot})


def outcome(publication: Publication) -> str:
    """What became of a transaction."""
    committed = f"revision {publication.revision}: committed"
    # It is in force all the same, and `late` is what the command line ends with 5 for.
    if publication.late:
        names = ", ".join(worker.name for worker in publication.late)
        return f"{committed}; not confirmed in time by {names}, which is being replaced"
    # No failure: the next worker begins with this state. But who reads "confirmed by 0" would think that it is one.
    if not publication.confirmed:
        return f"{committed}; no worker runs now, the next one starts with it"
    return f"{committed}, confirmed by {publication.confirmed} {plural(publication.confirmed, 'worker')}"


def result(publication: Publication) -> dict[str, Any]:
    """The same for programs."""
    return {"revision": publication.revision, "late": sorted(worker.slot for worker in publication.late)}


def chosen(orders: Sequence[AnyOrder], publication: Publication) -> list[str]:
    """The addresses of the listeners that came, if the kernel was to choose a port for one of these."""
    # Only a port that the kernel has chosen is news: whoever named one knows it.
    if not any(isinstance(each, AddListener) and _is_open(each.address) for each in orders):
        return []
    return [each.after.address for each in publication.effects if each.before is None and isinstance(each.after, Listener)]


def _is_open(address: str) -> bool:
    parsed = parse_address(address)
    return parsed.family is not socket.AF_UNIX and parsed.port == 0


def which(refusal: Refused, orders: Sequence[AnyOrder]) -> str:
    """Which of many orders is refused; nothing where there is one."""
    # By its place, since in a file of ten thousand orders its reason alone would not tell where to look.
    return f"order {refusal.index + 1} of {len(orders)} ({refusal.order.__struct_config__.tag}): " if len(orders) > 1 else ""


def place(refusal: Refused) -> dict[str, Any]:
    """The same for programs."""
    return {"index": refusal.index, "field": refusal.field, "code": refusal.code}


def plural(count: int, word: str) -> str:
    """The word as it stands after this count."""
    return word if count == 1 else f"{word}s"
