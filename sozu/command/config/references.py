"""What a file says and hardly means: clusters that it names and has not, https listeners without a certificate, variables of another proxy. Pure.

Who reads it is warned and no more: an order may bring what is missing later. What leads there leads nowhere until then.
"""

from collections.abc import Iterator, Mapping
import re
from typing import Any, Final

from sozu.command.config.findings import Findings
from sozu.command.nearest import nearest
from sozu.command.shape import Path

# As nginx and its like write them. A template takes a dollar as any character, so without a word clients would be sent to a host called "$host".
_VARIABLE: Final = re.compile(r"\$\{?(?:http_)?(?:host|uri|request_uri|scheme|args|server_name)\b")


def check_references(value: Mapping[str, Any], findings: Findings) -> None:
    """Warn of each name of a cluster that is not there, of each listener that can greet nobody, and of each redirect to "$host"."""
    # The values of the file are asked and not the facts: those know no places, and a warning has to be shown at one.
    clusters = value.get("clusters")
    known = clusters if isinstance(clusters, dict) else {}
    for path, name in (*_of_listeners(value), *_of_clusters(known)):
        # A warning where orders get none: they may name first what they bring later. Of a file that is read as a whole nothing comes later by itself.
        if isinstance(name, str) and name not in known and findings.sound(path):
            findings.warn(path, f'there is no cluster "{name}"', nearest=nearest(name, map(str, known)))
    for path, frontend in _frontends(known):
        redirect = frontend.get("redirect")
        if isinstance(redirect, dict) and (found := _VARIABLE.search(str(redirect.get("to")))):
            findings.warn((*path, "redirect", "to"), f'"{found[0]}" is sent as it stands: places are written {{scheme}}, {{host}}, {{path}}, {{query}}, {{rest}}')
    # One such frontend is enough to be silent: the TLS of its connections is a backend's, and which listener they come by is not always said.
    if not any(frontend.get("passthrough") for _, frontend in _frontends(known)):
        for path, listener in _items(value, (), "listeners"):
            if listener.get("protocol") == "https" and not listener.get("certificates") and findings.sound(path):
                findings.warn(path, "an https listener without a certificate: no client gets in until one is added")


def _of_listeners(value: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    for path, listener in _items(value, (), "listeners"):
        yield (*path, "cluster"), listener.get("cluster")


def _of_clusters(clusters: Mapping[str, object]) -> Iterator[tuple[Path, object]]:
    for key, cluster in clusters.items():
        if isinstance(cluster, dict):
            for path, share in _items(cluster, ("clusters", key), "split"):
                yield (*path, "cluster"), share.get("cluster")
    for path, frontend in _frontends(clusters):
        question = frontend.get("forward_auth")
        if isinstance(question, dict):
            yield (*path, "forward_auth", "cluster"), question.get("cluster")


def _frontends(clusters: Mapping[str, object]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for key, cluster in clusters.items():
        if isinstance(cluster, dict):
            yield from _items(cluster, ("clusters", key), "frontends")


def _items(value: Mapping[str, Any], path: Path, name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Those of a list that are mappings, as far as it is one; what is wrong with others is noted already."""
    found = value.get(name)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield (*path, name, index), item
