"""What a tool asks of the master besides orders, and the door where every request is read strictly.

Orders are in `orders`; a request is an order or one of the verbs here. Unknown verbs and fields are refused with the nearest name: a
field that is mistyped and ignored would be a change that the user believes in and that never happened.
Each message is `{"id": ID, "type": VERB, …fields}`; answers echo the id (docs/command_protocol.md).
"""

from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from sozu.command.nearest import did_you_mean
from sozu.command.orders import AnyOrder, Order
from sozu.command.shape import misfits

ID_LIMIT = 256
DEFAULT_GRACE = 10.0


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """One question or command to the master. The tag is the verb of the command protocol."""


class Status(Request, frozen=True, kw_only=True, tag="status"):
    """The master, its listeners and its workers."""


class ListWorkers(Request, frozen=True, kw_only=True, tag="list_workers"):
    """The workers alone, as in `status`."""


class Begin(Request, frozen=True, kw_only=True, tag="begin"):
    """From here on the orders of this connection are collected."""


class Commit(Request, frozen=True, kw_only=True, tag="commit"):
    """Carry out what was collected, all or nothing; refused if another revision than `if_revision` is in force."""

    if_revision: int | None = None


class Abort(Request, frozen=True, kw_only=True, tag="abort"):
    """Forget what was collected."""


class DumpState(Request, frozen=True, kw_only=True, tag="dump_state"):
    """The orders that rebuild the state, in several PROCESSING when there are many."""


class SoftStop(Request, frozen=True, kw_only=True, tag="soft_stop"):
    """Accept no more; end when the exchanges under way have ended, after `grace` seconds at most."""

    grace: float = DEFAULT_GRACE


class HardStop(Request, frozen=True, kw_only=True, tag="hard_stop"):
    """End at once; sessions are cut."""


class Metrics(Request, frozen=True, kw_only=True, tag="metrics"):
    """The counters of the workers, added up by the master."""


AnyRequest = Status | ListWorkers | Begin | Commit | Abort | DumpState | SoftStop | HardStop | Metrics


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request with the id that its answers echo."""

    id: str
    request: AnyOrder | AnyRequest


class BadRequest(Exception):
    """Not a request. `id` is known if at least the message was an object with one, and the answer can echo it."""

    def __init__(self, id: str | None, message: str) -> None:  # noqa: A002  the protocol's own word
        super().__init__(message)
        self.id, self.message = id, message


VERBS: dict[str, type[Any]] = {
    str(verb.__struct_config__.tag): verb for verb in (*get_args(AnyOrder), *get_args(AnyRequest))
}


def read_request(payload: bytes) -> Envelope:
    """Read one frame's payload. Raises BadRequest with a sentence that names the field, what was expected and the nearest name."""
    message = _object(payload)
    id = _id(message.pop("id", None))  # noqa: A001  the protocol's own word
    verb = _verb(id, message.pop("type", None))
    found = misfits(verb, message)
    if found:
        raise BadRequest(id, f"{verb.__struct_config__.tag}: {'; '.join(map(str, found))}")
    return Envelope(id, msgspec.convert({"type": verb.__struct_config__.tag, **message}, verb))


def write_request(id: str, request: Order | Request) -> bytes:  # noqa: A002  the protocol's own word
    """The payload of one frame."""
    return msgspec.json.encode({"id": id, **msgspec.to_builtins(request)})


def _object(payload: bytes) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(None, f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadRequest(None, 'a request is an object: {"id": "1", "type": "status"}')
    return message


def _id(found: object) -> str:
    if not isinstance(found, str) or not 0 < len(found) <= ID_LIMIT:
        raise BadRequest(None, f"id: a text of 1 to {ID_LIMIT} characters, chosen by the tool and echoed in each answer")
    return found


def _verb(id: str, found: object) -> type[Any]:  # noqa: A002  the protocol's own word
    if not isinstance(found, str):
        raise BadRequest(id, "type: the verb of the request is missing")
    if found not in VERBS:
        raise BadRequest(id, f'type: unknown verb "{found}"{did_you_mean(found, VERBS)}')
    return VERBS[found]
