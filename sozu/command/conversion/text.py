"""The result as YAML: texts in double quotes, as in JSON, so that none is mistaken for anything else; the notes on top as comments. Pure."""

from collections.abc import Iterator, Mapping, Sequence
import json
from typing import Any


def written(settings: Mapping[str, Any], listeners: Sequence[Mapping[str, Any]], clusters: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The text of a configuration file."""
    lines = [*_notes(notes), *(f"{name}: {_flow(value)}" for name, value in settings.items())]
    if listeners:
        lines += ["listeners:", *(f"  - {_flow(each)}" for each in listeners)]
    if clusters:
        lines += ["clusters:", *(line for name, cluster in clusters.items() for line in _cluster(name, cluster))]
    return "".join(f"{line}\n" for line in lines)


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "# Converted; what has no equal here, or means something else:"
        yield from (f"#   {note}" for note in notes)


def _cluster(name: str, cluster: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {_flow(name)}:{'' if cluster else ' {}'}"
    for key, value in cluster.items():
        if key in {"frontends", "backends"}:
            yield f"    {key}:"
            yield from (f"      - {_flow(each)}" for each in value)
        else:
            yield f"    {key}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
