"""The upstream clusters with their frontends and backends."""

from typing import Any, Final

from sozu.command.conversion.answers import read_answers
from sozu.command.conversion.door import Door
from sozu.command.conversion.frontends import Manners, read_frontend
from sozu.command.conversion.listeners import STICKY, Listeners, take_address
from sozu.command.conversion.source import Table
from sozu.command.facts import LoadBalancing
from sozu.command.orders import AddBackend, AddCluster

_OTHER_NAMES: Final = {"roundrobin": "round_robin", "leastloaded": "least_loaded", "least_connections": "least_loaded"}
_HEALTH: Final = {"uri": "path", "interval": "interval", "timeout": "timeout", "healthy_threshold": "rise", "unhealthy_threshold": "fall"}
_ASKED: Final = {"path": "/", "interval": 10, "timeout": 5, "rise": 3, "fall": 3}  # upstream's defaults
# Where upstream says 0, any success does; here statuses are listed. These are the successes of RFC 9110 section 15.3.
_WELL: Final = [200, 201, 202, 203, 204, 205, 206]
_NEEDLESS: Final = {
    "http2": "requests go to backends over HTTP/1.1",
    "retry_after": "what Retry-After says follows from what is waited for",
    "authorized_hashes": "SHA-256 is no hash for passwords: make others with `sozu password`, for the `basic_auth` of a frontend",
    "www_authenticate": "see the `realm` of `basic_auth`",
    "udp": "datagrams are not proxied here",
}


def read_cluster(name: str, table: Table, listeners: Listeners, door: Door, most_per_client: int) -> dict[str, Any]:
    """One `[clusters.NAME]`, as the mapping of our configuration file. `most_per_client`: the whole file's `max_connections_per_ip`."""
    # Asked first, as frontends and much else mean other things in the two kinds.
    tcp = table.take("protocol", str, "http").lower() == "tcp"
    cluster: dict[str, Any] = {}
    _read_balancing(table, cluster)
    if table.take("send_proxy", bool):
        if tcp:
            cluster["proxy_protocol"] = "v2"
        else:
            # Not written although we could: the backends of such a cluster get no header today, and would take one for a broken request.
            table.note("send_proxy", "upstream sends it to backends of tcp clusters alone; `proxy_protocol: v2` does it for all")
    _read_terms(table, cluster, most_per_client)
    manners = Manners(name, table.take("https_redirect", bool, default=False), table.take("https_redirect_port", int))
    # Before what the listeners say for the cluster: by which of them it is reached is known only from its frontends.
    addresses, frontends = _read_frontends(table, listeners, manners, door, tcp=tcp)
    if table.take("sticky_session", bool) and not tcp:
        # The cookie's name is a listener's there and a cluster's here, so those of all listeners that lead to it are asked.
        names = {listeners.sticky_names.get(address, STICKY) for address in addresses}
        # Any one would do; `min` makes it the same one each time that the file is converted.
        cluster["sticky"] = min(names, default=STICKY)
        if len(names) > 1:
            table.note("sticky_session", f"one cookie serves all listeners here: {cluster['sticky']}")
    if timeouts := listeners.timeouts_of(addresses, table.notes, table.place):
        cluster["timeouts"] = timeouts
    # Its frontends have passed the door by now, which made a bare cluster for them; this one takes its place. Backends come after it:
    # for them the door makes none.
    cluster = door.admit(table, AddCluster, cluster, cluster=name)
    backends = [backend for each in table.tables("backends") if (backend := _read_backend(each, door, name))]
    return cluster | ({"frontends": frontends} if frontends else {}) | ({"backends": backends} if backends else {})


def _read_balancing(table: Table, cluster: dict[str, Any]) -> None:
    said = table.take("load_balancing", str) or table.take("load_balancing_policy", str) or "ROUND_ROBIN"
    # All that upstream has are ours too, under the same name but for those in the table.
    balancing = _OTHER_NAMES.get(said.lower(), said.lower())
    if balancing in list(LoadBalancing):
        cluster["load_balancing"] = balancing
    else:
        table.note("load_balancing", f"there is no {said!r}; round_robin is assumed")
    metric = table.take("load_metric", str)
    # Silent where no load is looked at: there nothing changes.
    if metric not in (None, "connections") and balancing in {"least_loaded", "power_of_two"}:
        table.note("load_metric", f"loads are live exchanges here, not {metric}")


def _read_terms(table: Table, cluster: dict[str, Any], most_per_client: int) -> None:
    for health in table.single("health_check"):
        asked = {ours: value for key, ours in _HEALTH.items() if (value := health.take(key, (int, str))) is not None}
        status = health.take("expected_status", int, 0)
        # Their defaults are written out: ours differ, and whoever never named an interval has tuned his backends to theirs.
        cluster["health"] = _ASKED | asked | {"status": [status] if status else _WELL}
    # 0 is upstream's word for no bound, and goes before the whole file's: that is a default of `take`, and so counts only where the cluster says nothing.
    if most := table.take("max_connections_per_ip", int, most_per_client):
        cluster["max_per_client"] = most
        table.note("max_connections_per_ip", "exchanges are counted here, on all workers together, and not connections")
    if answers := read_answers(table):
        cluster["answers"] = answers
    for key, text in _NEEDLESS.items():
        table.explain(key, text)


def _read_frontends(table: Table, listeners: Listeners, manners: Manners, door: Door, *, tcp: bool) -> tuple[list[str], list[dict[str, Any]]]:
    """The addresses of its listeners, and what stands in the cluster."""
    addresses, frontends = [], []
    for each in table.tables("frontends"):
        # Of a tcp cluster a frontend is nothing but an address: here the listener there names its cluster, and nothing stands in the cluster.
        address, frontend = (_lead(each, listeners, manners.cluster), {}) if tcp else read_frontend(each, listeners, manners, door)
        addresses += [address] if address else []
        frontends += [frontend] if frontend else []
    # Told once for the cluster, when all its frontends are known: one that redirects is enough for the port to have its place.
    if manners.https_port is not None and not any("redirect" in each for each in frontends):
        table.note("https_redirect_port", "nothing of this cluster is redirected")
    return addresses, frontends


def _lead(table: Table, listeners: Listeners, cluster: str) -> str:
    address = take_address(table)
    table.explain("tags", "the access log has no tags")
    # One note for the frontend whose listener could not be converted; to make one in its place would open a port for another protocol.
    if address in listeners.unheard_of:
        table.notes.add(table.place, "its listener is left out, and so is this")
    if address in listeners.unheard_of or not address:
        return ""
    entry = listeners.need(address, "tcp")
    if entry["protocol"] != "tcp":
        table.notes.add(table.place, f"the listener at {address} speaks {entry['protocol']}: no tcp cluster can have it")
    # The first one has it: bytes that nobody reads lead to one cluster, and the order of the file is all that there is to choose by.
    elif entry.setdefault("cluster", cluster) != cluster:
        table.notes.add(table.place, f"the listener at {address} leads to {entry['cluster']} already")
    return address


def _read_backend(table: Table, door: Door, cluster: str) -> dict[str, Any] | str:
    backend: dict[str, Any] = {"address": table.take("address", str, "")}
    weight = table.take("weight", int)
    for parameters in table.single("load_balancing_parameters"):
        # In here it goes before the one outside: files have it in either place.
        weight = parameters.take("weight", int, weight)
    if name := table.take("backend_id", str):
        backend["id"] = name
    if sticky := table.take("sticky_id", str):
        table.note("sticky_id", f"cookies go by the id here, and say something else than {sticky}: clients choose once more")
    if weight is not None:
        backend["weight"] = weight
    if table.take("backup", bool):
        backend["backup"] = True
    backend = door.admit(table, AddBackend, backend, cluster=cluster)
    # As people write it, and as `export` does.
    return str(backend["address"]) if len(backend) == 1 else backend
