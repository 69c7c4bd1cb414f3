"""Stable codes of errors, and what `sozu help CODE` says about each. Pure.

A code never changes its meaning; words of messages may. Of a field that an order has, `bad-FIELD` is a value that it cannot have and
`unknown-FIELD` a name that is not there; `bad-KEY` is the same for a key that only a file has. The rest is in the table.
"""

from typing import Final, get_args

from sozu.command.client.errors import TAKEN_OVER
from sozu.command.orders import AnyOrder
from sozu.command.rules.objections import Objection, Unknown

# What an Objection without a field means: nothing in the order is wrong, something else in the state is in its way.
STILL_NEEDED: Final = "still-needed"
CODES: Final = {
    STILL_NEEDED: "What is to be removed or changed is still needed by something else, which the message names: see to that first, best in the same transaction.",
    "not-a-request": "The message is no JSON object with an id and a type. docs/command_protocol.md has a sample of each.",
    "unknown-verb": "There is no request of this type; the message names the nearest. docs/command_protocol.md has them all.",
    "unknown-key": "There is no such key here. A key that is mistyped and ignored would be a change that never happened, so it is refused; the message names the nearest.",
    "wrong-kind": "A value is of another kind than it has to be, such as a text instead of a number, or a key that is needed is missing.",
    "unreadable": "The file cannot be read: it is not there, is a folder, or the permission is missing.",
    "not-yaml": "The file is not YAML 1.2, or holds what is not allowed here: a tag, a merge key, a tab as indentation.",
    "says-nothing": "The file is empty, or holds nothing but comments; to apply it would remove everything. Was it written to its end? A file that is to leave out everything says `{}`.",
    "said-twice": "The same thing is said twice, or a key stands twice in one object; one of the two would be ignored.",
    "outdated": "Somebody else has committed since: the revision in force is not the one that if_revision names. Look at `sozu log`, plan again, and apply again.",
    "cannot-listen": "An address cannot be listened on: another process has it, it is not an address of this machine, or the permission is missing. The whole transaction was refused.",
    "not-written": "The journal could not be written, so nothing was changed: is the disk full? The proxy goes on serving, and takes changes again when there is room.",
    "no-such-revision": "The journal does not tell what this revision was: it never was, or is older than the last 10,000. `sozu log` shows those that can be gone back to.",
    "damaged": "A file of the proxy's own does not say what was once written to it; the message names the line. Nothing was loaded from it. Restore it from a copy (`sozu state save` makes them).",
    "not-absolute": "The master has another working folder than you: give it an absolute path.",
    "stopping": "The proxy is stopping, and takes no more changes.",
    "no-transaction": "begin comes before collect, plan, commit, apply and abort, once on each connection.",
    "back-again": "What was waited for was added again meanwhile: this wait would never end.",
    TAKEN_OVER: "The master was upgraded while this was waited for. What was committed stays; ask again, and the next master answers. The command line and Client.order do so by themselves.",
    "no-such-event": "Events are numbered from 1 with each start of the proxy, and this number has not come yet.",
    "not-a-url": "Write a URL as http://blog.example.com/path?query; the scheme may be left out.",
}

# What an order may name that is not there; a test compares them with the rules.
UNKNOWN: Final = ("address", "certificate", "cluster", "fingerprint", "hostname", "listener", "tls")
# Written out, since the schema of the file starts slowly; a test compares.
FILE_KEYS: Final = (
    "access_log", "affinity", "age", "back", "backends", "body", "ca", "certificates", "ciphers", "client_ca", "client_certificates",
    "clusters", "command_socket", "connect", "encoded_slashes", "file", "front", "frontends", "groups", "idle", "journal",
    "max_worker_memory", "merge_slashes", "metrics", "min_version", "pidfile", "pool", "prometheus", "request", "sandbox",
    "server_name", "size", "statsd", "status", "strict", "type", "user", "verify", "via", "welcome",
)


def code_of(objection: Objection) -> str:
    """The code of an order that cannot be carried out."""
    # Scripts go by the code, so it must not change with the place in a list: of `answers.3.status` only the field of the order counts.
    if objection.field is None:
        return STILL_NEEDED
    kind = "unknown" if isinstance(objection, Unknown) else "bad"
    return f"{kind}-{objection.field.partition('.')[0].replace('_', '-')}"


def explanation(code: str) -> str | None:
    """What a code means; None if there is no such code."""
    if code in CODES:
        return CODES[code]
    kind, _, name = code.partition("-")
    field = name.replace("-", "_")
    where = sorted(tag for tag, fields in _fields().items() if field in fields)
    # A name that orders have as well is explained by them, below: they are what most people have typed.
    if kind == "bad" and field in FILE_KEYS and not where:
        return f"The value of {field} in the file is none that it can have; the message says why. docs/configuration.md tells what it is for."
    if not where or kind not in ("bad", "unknown"):
        return None
    orders = ", ".join(where)
    if kind == "unknown":
        return f"There is no {field} of this name; the message names the nearest that there is. Listings: sozu cluster, frontend, backend, listener or certificate list. Orders with it: {orders}."
    return f"The value of {field} is none that it can have; the message says which it can. docs/configuration.md tells what it is for. Orders with it: {orders}."


def known_codes() -> list[str]:
    """Those of the table, and those of fields."""
    fields = sorted({field.replace("_", "-") for fields in _fields().values() for field in fields})
    return [*CODES, *(f"bad-{field}" for field in [*fields, *(key.replace("_", "-") for key in FILE_KEYS)]), *(f"unknown-{field}" for field in UNKNOWN)]


def _fields() -> dict[str, frozenset[str]]:
    """The fields of each order, as messages call them."""
    kinds = get_args(AnyOrder)
    # Both names of a field, where it has two: in JSON a backend's id is `backend_id`, since `id` is the request's own.
    return {str(kind.__struct_config__.tag): frozenset((*kind.__struct_encode_fields__, *kind.__struct_fields__)) for kind in kinds}
