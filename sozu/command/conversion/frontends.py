"""The upstream frontends: which requests they take, and what is done with those.

Which of this makes sense is for the door to say (door.py).
"""

from dataclasses import dataclass
import re
from typing import Any, Final

from sozu.command.conversion.door import Door
from sozu.command.conversion.listeners import Listeners, read_hsts, take_address
from sozu.command.conversion.source import Table
from sozu.command.orders import AddHttpFrontend

_PATHS: Final = {"PREFIX": "path", "REGEX": "path_regex", "EQUALS": "path_exact", "EXACT": "path_exact"}
_STATUSES: Final = {"permanent": 301, "found": 302, "permanent_redirect": 308}
_SCHEMES: Final = {"use-same": "{scheme}", "use-http": "http", "use-https": "https"}
_CAPTURES: Final = {"$HOST[0]": "{host}", "$PATH[0]": "{path}"}
# Also one without its number or its bracket: what looks like a capture and is none would else be sent to clients as it stands.
_CAPTURE: Final = re.compile(r"\$(?:HOST|PATH)\[\d*\]?")
_LABEL: Final = re.compile(r"/([^/]*)/|(\*)|([^/*]+)")


@dataclass(frozen=True, slots=True)
class Manners:
    """What is said of all frontends of a cluster: its name, whether plain ones lead to https, and to which port."""

    cluster: str
    to_https: bool
    https_port: int | None


def read_frontend(table: Table, listeners: Listeners, manners: Manners, door: Door) -> tuple[str, dict[str, Any]]:
    """The address of its listener, and what stands in the cluster; empty where nothing can."""
    address = take_address(table)
    table.explain("tags", "the access log has no tags")
    frontend = _hostname(table)
    # Its address counts nevertheless, for what the cluster is given of its listeners.
    if not frontend:
        table.notes.add(table.place, "has no hostname, and is left out")
        return address, {}
    _read_path(table, frontend)
    if method := table.take("method", str):
        frontend["methods"] = [method]
    if (position := table.take("position", str, "TREE").lower()) != "tree":
        frontend["position"] = position
    # Before the redirect and before `hsts`: both ask whether this is TLS, and a frontend with a certificate makes its listener so.
    secure = _read_listener(table, frontend, listeners, address)
    _read_redirect(table, frontend, manners, plain=not secure)
    _read_headers(table, frontend, door)
    hsts = read_hsts(table)
    # Over plain HTTP the field must not be sent (RFC 6797 section 7.2). An empty one of the frontend means none, and wins over that of the listener.
    if secure and (hsts := listeners.hsts.get(address, {}) if hsts is None else hsts):
        frontend["hsts"] = hsts
    return address, door.admit(table, AddHttpFrontend, frontend, cluster=manners.cluster)


def _hostname(table: Table) -> dict[str, Any]:
    """Expressions stand between slashes, each for a part of the name; here there is one for the whole."""
    name = table.take("hostname", str)
    if name is None:
        return {}
    if "/" not in name:
        return {"hostname": name}
    # In a group each, so that "x|y" ends at the dot where its label does; a star is one label, as it is in our hostnames.
    parts = [f"(?:{regex})" if regex else r"[^.]+" if star else re.escape(text) for regex, star, text in _LABEL.findall(name)]
    return {"hostname_regex": "".join(parts)}


def _read_path(table: Table, frontend: dict[str, Any]) -> None:
    kind, path = table.take("path_type", str, "PREFIX").upper(), table.take("path", str) or table.take("path_begin", str, "")
    if kind not in _PATHS:
        table.note("path_type", f"there is no {kind!r}; a prefix is assumed")
        kind = "PREFIX"
    # A prefix "/" takes all and need not be said; an expression or an exact path "/" takes the root alone.
    if path not in ("", "/") or kind != "PREFIX":
        frontend[_PATHS[kind]] = path or "/"
    # Told of each: with upstream /api takes /apix too, and which of the two was meant the file does not say.
    if kind == "PREFIX" and path not in ("", "/") and not path.endswith("/"):
        table.note("path", f"a prefix ends on the border of a segment here: {path} does not take {path}x")


def _read_listener(table: Table, frontend: dict[str, Any], listeners: Listeners, address: str) -> bool:
    """Is it one for TLS?"""
    table.explain("tls_versions", "they are the listener's here")
    if not address:
        return False
    frontend["listener"] = address
    # Asked before `certify` takes the key, and there before it, since a certificate goes to a listener that is there.
    entry = listeners.need(address, "https" if table.has("certificate") else "http")
    listeners.certify(table, address)
    return bool(entry["protocol"] == "https")


def _read_redirect(table: Table, frontend: dict[str, Any], manners: Manners, *, plain: bool) -> None:
    policy = table.take("redirect", str, "forward").lower().replace("-", "_")
    locked = table.take("required_auth", bool)
    table.explain("redirect_template", "see `answers`: pages are a listener's or a cluster's here, and redirects have none")
    if locked:
        table.note("required_auth", "its hashes are too weak for passwords: nobody may pass until you write a `basic_auth` in place of `deny`; `sozu password` makes hashes")
    # First of all, whatever else the frontend says: a door that was locked must not stand open because its lock does not fit ours.
    if locked or policy == "unauthorized":
        frontend["deny"] = 401
    elif policy in _STATUSES:
        frontend["redirect"] = {"to": _location(table, manners), "status": _STATUSES[policy]}
    # What the frontend says itself goes before what its cluster says of all.
    elif manners.to_https and plain:
        frontend["redirect"] = {"to": _location(table, manners, "use-https"), "status": 301}
    else:
        _read_rewriting(table, frontend, policy)


def _location(table: Table, manners: Manners, default: str = "use-same") -> str:
    """The template of a redirect."""
    scheme = _SCHEMES.get(table.take("redirect_scheme", str, default).lower().replace("_", "-"), "{scheme}")
    # The cluster's port is that of its https listener: towards http it would lead to the wrong one.
    port = table.take("rewrite_port", int) or (manners.https_port if scheme == "https" else None)
    host, path = _places(table, "rewrite_host", "{host}"), _places(table, "rewrite_path", "{path}")
    return f"{scheme}://{host}{f':{port}' if port else ''}{path}{{query}}"


def _read_rewriting(table: Table, frontend: dict[str, Any], policy: str) -> None:
    if policy != "forward":
        table.note("redirect", f"there is no {policy!r}: requests are sent on")
    host, port = table.take("rewrite_host", str), table.take("rewrite_port", int)
    if host is not None and host != "$HOST[0]":
        # Here the port is a part of what the backend gets as Host, as it is in the field itself (RFC 9110 section 7.2).
        frontend["rewrite_host"] = host if port is None else f"{host}:{port}"
    elif port is not None:
        table.note("rewrite_port", "backends get the Host that the client sent: see rewrite_host")
    table.explain("rewrite_path", "see replace_prefix, which puts another prefix in place of the frontend's")


def _places(table: Table, key: str, default: str) -> str:
    """A template of theirs as one of ours."""
    if (text := table.take(key, str)) is None:
        return default
    for capture in _CAPTURE.findall(text):
        # The whole template gives way: half of one, with a hole in it, would send clients to a place that nobody has meant.
        if capture not in _CAPTURES:
            table.note(key, f"there is nothing to put in the place of {capture}")
            return default
    braced = text.replace("{", "{{").replace("}", "}}")
    return _CAPTURE.sub(lambda found: _CAPTURES[found[0]], braced)


def _read_headers(table: Table, frontend: dict[str, Any], door: Door) -> None:
    for header in table.tables("headers"):
        position, name, value = (header.take(key, str, "") for key in ("position", "key", "value"))
        # Without a value it is their way to say that the field is to be removed.
        edit = {"set": name, "value": value} if value else {"remove": name}
        sides = {"request": ("request_headers",), "response": ("response_headers",), "both": ("request_headers", "response_headers")}.get(position.lower(), ())
        if not sides:
            header.note("position", f"there is no {position!r}")
        for side in sides:
            # Each edit alone: the door would object to the list, and leave out the good ones with the bad one.
            if (objection := door.takes({side: [edit]})) is None:
                frontend.setdefault(side, []).append(edit)
            else:
                header.note("key", str(objection))
