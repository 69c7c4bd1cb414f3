"""Clusters that a file names elsewhere than in their own place, and does not have. Pure.

Who reads it is warned and no more: an order may bring the cluster later, and what leads there leads nowhere until then.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sozu.command.config.findings import Findings
from sozu.command.nearest import nearest
from sozu.command.shape import Path


def check_references(value: Mapping[str, Any], findings: Findings) -> None:
    """Warn of each name of a cluster that is not there."""
    clusters = value.get("clusters")
    known = clusters if isinstance(clusters, dict) else {}
    for path, name in (*_of_listeners(value), *_of_clusters(known)):
        if isinstance(name, str) and name not in known and findings.sound(path):
            findings.warn(path, f'there is no cluster "{name}"', nearest=nearest(name, map(str, known)))


def _of_listeners(value: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    for path, listener in _items(value, (), "listeners"):
        yield (*path, "cluster"), listener.get("cluster")


def _of_clusters(clusters: Mapping[str, object]) -> Iterator[tuple[Path, object]]:
    for key, cluster in clusters.items():
        if isinstance(cluster, dict):
            for path, share in _items(cluster, ("clusters", key), "split"):
                yield (*path, "cluster"), share.get("cluster")
            for path, frontend in _items(cluster, ("clusters", key), "frontends"):
                question = frontend.get("forward_auth")
                if isinstance(question, dict):
                    yield (*path, "forward_auth", "cluster"), question.get("cluster")


def _items(value: Mapping[str, Any], path: Path, name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Those of a list that are mappings, as far as it is one; what is wrong with others is noted already."""
    found = value.get(name)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield (*path, name, index), item
