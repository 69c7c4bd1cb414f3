"""What a tool asks of the master besides orders, and the door where every request is read strictly.

Orders are in `orders`; a request is an order or one of the verbs here. Unknown verbs and fields are refused with the nearest name: a
field that is mistyped and ignored would be a change that the user believes in and that never happened.
Each message is `{"id": ID, "type": VERB, …fields}`; answers echo the id (docs/command_protocol.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import msgspec

from sozu.command.nearest import did_you_mean
from sozu.command.orders import AnyOrder
from sozu.command.shape import misfits, said_twice

ID_LIMIT = 256
DEFAULT_GRACE = 10.0


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """One question or command to the master. The tag is the verb of the command protocol."""


class Status(Request, frozen=True, kw_only=True, tag="status"):
    """The master, its listeners and its workers; with `digest` also that of the state, of the master and of each worker."""

    digest: bool = False


class ListWorkers(Request, frozen=True, kw_only=True, tag="list_workers"):
    """The workers alone, as in `status`."""


class Begin(Request, frozen=True, kw_only=True, tag="begin"):
    """From here on the orders of this connection are collected."""


class Commit(Request, frozen=True, kw_only=True, tag="commit"):
    """Carry out what was collected, all or nothing; refused if another revision than `if_revision` is in force."""

    if_revision: int | None = None


class Abort(Request, frozen=True, kw_only=True, tag="abort"):
    """Forget what was collected."""


class Collect(Request, frozen=True, kw_only=True, tag="collect"):
    """Many orders in one message, for the transaction that has begun."""

    orders: tuple[Any, ...]  # an AnyOrder each, once it is read


class Plan(Request, frozen=True, kw_only=True, tag="plan"):
    """What `commit` of the collected orders would change, with `whole` what `apply` would; they stay collected."""

    whole: bool = False


class Apply(Request, frozen=True, kw_only=True, tag="apply"):
    """What was collected is the whole configuration: what it does not say goes. As `plan` with `whole` tells."""

    if_revision: int | None = None


class Log(Request, frozen=True, kw_only=True, tag="log"):
    """The last revisions: who, when, what; with `revision` all orders of that one."""

    last: int = 100
    revision: int | None = None


class Rollback(Request, frozen=True, kw_only=True, tag="rollback"):
    """Say again what was said at this revision, as a new one; with `dry_run` only what that would change."""

    revision: int
    if_revision: int | None = None
    dry_run: bool = False


class SaveState(Request, frozen=True, kw_only=True, tag="save_state"):
    """Write the state to a file (0600), whole or not at all."""

    path: str


class LoadState(Request, frozen=True, kw_only=True, tag="load_state"):
    """Say what a file says that `save_state` wrote, as a new revision; with `dry_run` only what that would change."""

    path: str
    if_revision: int | None = None
    dry_run: bool = False


class DumpState(Request, frozen=True, kw_only=True, tag="dump_state"):
    """The orders that rebuild the state, in several PROCESSING when there are many."""


class Explain(Request, frozen=True, kw_only=True, tag="explain"):
    """Which frontend takes a request, why the others do not, and the backends with what the workers see."""

    url: str
    method: str = "GET"
    headers: dict[str, str] = {}
    listener: str | None = None


class SubscribeEvents(Request, frozen=True, kw_only=True, tag="subscribe_events"):
    """Each event as a PROCESSING: those after number `since` that are still known, and with `follow` all to come, without end."""

    since: int | None = None
    follow: bool = True


class SoftStop(Request, frozen=True, kw_only=True, tag="soft_stop"):
    """Accept no more; end when the exchanges under way have ended, after `grace` seconds at most."""

    grace: float = DEFAULT_GRACE


class HardStop(Request, frozen=True, kw_only=True, tag="hard_stop"):
    """End at once; sessions are cut."""


class UpgradeWorker(Request, frozen=True, kw_only=True, tag="upgrade_worker"):
    """Replace one worker by one of the code on disk; the one before has `grace` seconds for its sessions."""

    worker: int
    grace: float = DEFAULT_GRACE


class UpgradeMaster(Request, frozen=True, kw_only=True, tag="upgrade_master"):
    """Bring the master, which keeps its pid, and then each worker to the code on disk."""

    grace: float = DEFAULT_GRACE


class SetWorkers(Request, frozen=True, kw_only=True, tag="set_workers"):
    """Have so many workers from now on; those that go have `grace` seconds for their sessions."""

    count: int
    grace: float = DEFAULT_GRACE


class Metrics(Request, frozen=True, kw_only=True, tag="metrics"):
    """The counters of the workers, added up by the master."""


AnyRequest = (
    Status
    | ListWorkers
    | Begin
    | Collect
    | Plan
    | Commit
    | Apply
    | Abort
    | Log
    | Rollback
    | SaveState
    | LoadState
    | DumpState
    | Explain
    | SubscribeEvents
    | SoftStop
    | HardStop
    | UpgradeWorker
    | UpgradeMaster
    | SetWorkers
    | Metrics
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request with the id that its answers echo."""

    id: str
    request: AnyOrder | AnyRequest


class BadRequest(Exception):
    """Not a request. `id` is known if at least the message was an object with one, and the answer can echo it."""

    def __init__(self, id: str | None, message: str, code: str = "not-a-request") -> None:  # noqa: A002  the protocol's own word
        super().__init__(message)
        self.id, self.message, self.code = id, message, code


ORDERS: dict[str, type[Any]] = {str(verb.__struct_config__.tag): verb for verb in get_args(AnyOrder)}
VERBS: dict[str, type[Any]] = {**ORDERS, **{str(verb.__struct_config__.tag): verb for verb in get_args(AnyRequest)}}
_FIELDS = {verb: frozenset(verb.__struct_encode_fields__) for verb in VERBS.values()}


def read_request(payload: bytes) -> Envelope:
    """Read one frame's payload. Raises BadRequest with a sentence that names the field, what was expected and the nearest name."""
    # Looked for at the beginning alone: a message of two megabytes that is something else must not be searched to its end.
    if payload.find(_USUAL, 0, ID_LIMIT) > 0 and (usual := _usual_collect(payload)) is not None:
        return usual
    message = _object(payload)
    # The id first: whatever is wrong further on can then be answered to the request that it belongs to.
    id = _id(message.pop("id", None))  # noqa: A001  the protocol's own word
    verb = _verb(id, message.pop("type", None), VERBS)
    request = _read(id, verb, message)
    if isinstance(request, Collect):
        orders = tuple(_order(id, place, order) for place, order in enumerate(request.orders))
        return Envelope(id, Collect(orders=orders))
    return Envelope(id, request)


class _Collect(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A Collect in its envelope, spelled as our own tools spell it."""

    # In this order, which is that of our own tools: what is encoded again has to be the same to the byte.
    id: str
    type: Literal["collect"]
    orders: tuple[AnyOrder, ...] = ()


_COLLECT: Final = msgspec.json.Decoder(_Collect)
_USUAL: Final = b'"type":"collect"'


def _usual_collect(payload: bytes) -> Envelope | None:
    """A Collect that reads as we would write it: nothing in it is unknown, said twice or of another kind, which C sees forty times as fast as `_read`."""
    try:
        found = _COLLECT.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # msgspec passes over unknown fields, and of a key that stands twice it takes the last: neither comes back when the struct is
    # encoded, so the comparison finds both. A message that is spelled otherwise is not wrong, it only takes the slow way.
    usual = 0 < len(found.id) <= ID_LIMIT and msgspec.json.encode(found) == payload
    return Envelope(found.id, Collect(orders=found.orders)) if usual else None


def _object(payload: bytes) -> dict[str, Any]:
    twice = said_twice(payload)  # first: what it reads is gone again before the same is read once more
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(None, f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadRequest(None, 'a request is an object: {"id": "1", "type": "status"}')
    if twice is not None:
        found = message.get("id")
        # Where the id itself is there twice, no answer could say which of the two it is for.
        raise BadRequest(found if isinstance(found, str) and twice != "id" else None, f'the key "{twice}" is given twice', "said-twice")
    return message


def _id(found: object) -> str:
    if not isinstance(found, str) or not 0 < len(found) <= ID_LIMIT:
        raise BadRequest(None, f"id: a text of 1 to {ID_LIMIT} characters, chosen by the tool and echoed in each answer")
    return found


def _verb(id: str, found: object, known: Mapping[str, type[Any]], place: str = "type") -> type[Any]:  # noqa: A002  the protocol's own word
    if not isinstance(found, str):
        raise BadRequest(id, f"{place}: the verb of the request is missing")
    if found not in known:
        raise BadRequest(id, f'{place}: unknown verb "{found}"{did_you_mean(found, known)}', "unknown-verb")
    return known[found]


def _read(id: str, verb: type[Any], fields: dict[str, Any], where: str = "") -> Any:  # noqa: A002  the protocol's own word
    tag = verb.__struct_config__.tag
    if isinstance(chain := fields.get("chain"), str):
        # One file holds the rest of a chain as a rule, and the configuration file names one: its text may stand by itself.
        fields = {**fields, "chain": [chain] if chain.strip() else []}
    # Most orders are flat and right, which C sees in a hundredth of the time; the words are for those that are not.
    # What is nested goes the long way: msgspec would pass over an unknown key inside, and only the outermost ones are compared with
    # `_FIELDS`.
    flat = not any(isinstance(value, dict | list) for value in fields.values())
    if not flat or not fields.keys() <= _FIELDS[verb]:
        _refuse(id, verb, fields, where)
    try:
        return msgspec.convert({"type": tag, **fields}, verb)
    except msgspec.ValidationError as error:
        # Once more for the words: msgspec stops at the first misfit and suggests nothing.
        _refuse(id, verb, fields, where)
        raise BadRequest(id, f"{where}{tag}: {error}", "wrong-kind") from error


def _refuse(id: str, verb: type[Any], fields: dict[str, Any], where: str) -> None:  # noqa: A002  the protocol's own word
    found = misfits(verb, fields)
    if found:
        code = "unknown-key" if found[0].at_key else "wrong-kind"
        raise BadRequest(id, f"{where}{verb.__struct_config__.tag}: {'; '.join(map(str, found))}", code)


def _order(id: str, place: int, found: object) -> AnyOrder:  # noqa: A002  the protocol's own word
    where = f"collect: orders.{place}: "
    if not isinstance(found, dict):
        raise BadRequest(id, f"{where}an order is an object with a type")
    fields = {**found}
    order: AnyOrder = _read(id, _verb(id, fields.pop("type", None), ORDERS, f"{where}type"), fields, where)
    return order
