"""The upstream clusters with their frontends and backends."""

from typing import Any, Final

from sozu.command.conversion.listeners import Listeners
from sozu.command.conversion.source import Table

_BALANCING: Final = {
    "ROUND_ROBIN": "round_robin",
    "ROUNDROBIN": "round_robin",
    "RANDOM": "random",
    "LEAST_LOADED": "least_loaded",
    "LEASTLOADED": "least_loaded",
    "LEAST_CONNECTIONS": "least_loaded",
    "POWER_OF_TWO": "power_of_two",
}
_PATHS: Final = {"PREFIX": "path", "REGEX": "path_regex", "EQUALS": "path_exact", "EXACT": "path_exact"}
_TO_HTTPS: Final = {"to": "https://{host}{path}{query}", "status": 301}


def read_cluster(table: Table, listeners: Listeners) -> dict[str, Any]:
    """One `[clusters.NAME]`, as the mapping of our configuration file."""
    protocol = table.take("protocol", str, "http").lower()
    cluster: dict[str, Any] = {}
    balancing = table.take("load_balancing", str) or table.take("load_balancing_policy", str) or "ROUND_ROBIN"
    if balancing.upper() in _BALANCING:
        cluster["load_balancing"] = _BALANCING[balancing.upper()]
    else:
        table.note("load_balancing", f"there is no {balancing!r}; round_robin is assumed")
    if table.take("send_proxy", bool):
        cluster["proxy_protocol"] = "v2"
    to_https = table.take("https_redirect", bool, default=False)
    _explain(table, cluster.get("load_balancing", ""))
    found = [_read_frontend(each, listeners, protocol, to_https=to_https) for each in table.tables("frontends")]
    addresses = [address for address, _ in found if address]
    if table.take("sticky_session", bool) and protocol == "http":
        names = {listeners.sticky_names.get(address, "SOZUBALANCEID") for address in addresses}
        cluster["sticky"] = min(names, default="SOZUBALANCEID")
        if len(names) > 1:
            table.note("sticky_session", f"one cookie serves all listeners here: {cluster['sticky']}")
    if protocol == "tcp":
        _lead(table, addresses, listeners)
    else:
        cluster["frontends"] = [frontend for _, frontend in found if frontend]
    cluster["backends"] = [backend for each in table.tables("backends") if (backend := _read_backend(each)) is not None]
    return {key: value for key, value in cluster.items() if value != []}


def _explain(table: Table, balancing: str) -> None:
    metric = table.take("load_metric", str)
    if metric not in (None, "connections") and balancing in {"least_loaded", "power_of_two"}:
        table.note("load_metric", f"loads are live exchanges here, not {metric}")
    table.explain("answer_503", "its file is a whole response; here `answers` has a body and its type for each status")


def _lead(table: Table, addresses: list[str], listeners: Listeners) -> None:
    for address in addresses:
        entry = listeners.need(address, "tcp")
        if entry["protocol"] != "tcp":
            table.notes.add(table.place, f"the listener at {address} speaks {entry['protocol']}: no tcp cluster can have it")
        else:
            entry["cluster"] = table.place.rpartition(".")[2]


def _read_frontend(table: Table, listeners: Listeners, protocol: str, *, to_https: bool) -> tuple[str, dict[str, Any]]:
    """The address of its listener, and what stands in the cluster; nothing for tcp."""
    address = table.take("address", str, "")
    if protocol == "tcp":
        table.explain("tags", "the access log has no tags")
        return address, {}
    frontend: dict[str, Any] = {"hostname": table.take("hostname", str, "*")}
    if "/" in frontend["hostname"]:
        table.note("hostname", "expressions are for the whole name here, in `hostname_regex`; this one has to be written anew")
        frontend = {"hostname_regex": frontend["hostname"].strip("/")}
    _read_path(table, frontend)
    if method := table.take("method", str):
        frontend["methods"] = [method]
    if (position := table.take("position", str, "TREE").lower()) != "tree":
        frontend["position"] = position
    table.explain("tags", "the access log has no tags")
    if address:
        entry = listeners.need(address, "https" if table.has("certificate") else "http")
        frontend["listener"] = address
        listeners.certify(table, address)
        if to_https and entry["protocol"] == "http":
            frontend["redirect"] = dict(_TO_HTTPS)
    return address, frontend


def _read_path(table: Table, frontend: dict[str, Any]) -> None:
    kind, path = table.take("path_type", str, "PREFIX").upper(), table.take("path", str, "")
    if kind not in _PATHS:
        table.note("path_type", f"there is no {kind!r}; a prefix is assumed")
        kind = "PREFIX"
    if path not in ("", "/") or kind != "PREFIX":
        frontend[_PATHS[kind]] = path or "/"
    if kind == "PREFIX" and path not in ("", "/") and not path.endswith("/"):
        table.note("path", f"a prefix ends on the border of a segment here: {path} does not take {path}x")


def _read_backend(table: Table) -> dict[str, Any] | str | None:
    address = table.take("address", str)
    if address is None:
        table.notes.add(table.place, "has no address, and is left out")
        return None
    backend: dict[str, Any] = {"address": address}
    weight = table.take("weight", int)
    for parameters in table.single("load_balancing_parameters"):
        weight = parameters.take("weight", int, weight)
    if name := table.take("backend_id", str):
        backend["id"] = name
    if sticky := table.take("sticky_id", str):
        table.note("sticky_id", f"cookies go by the id here, and say something else than {sticky}: clients choose once more")
    if weight is not None:
        backend["weight"] = weight
    if table.take("backup", bool):
        backend["backup"] = True
    return address if len(backend) == 1 else backend
