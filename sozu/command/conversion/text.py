"""The result as YAML, with the notes on top as comments. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sozu.command.texts.flow import flow


def written(settings: Mapping[str, Any], listeners: Sequence[Mapping[str, Any]], clusters: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The text of a configuration file."""
    # Not by `config.writing`, although the result looks alike: that writes facts, and half of what stands here, such as files of certificates, is none yet.
    lines = [*_notes(notes), *(f"{name}: {flow(value)}" for name, value in settings.items())]
    if listeners:
        lines += ["listeners:", *(f"  - {flow(each)}" for each in listeners)]
    if clusters:
        lines += ["clusters:", *(line for name, cluster in clusters.items() for line in _cluster(name, cluster))]
    # A file without a single key would be refused as one that was cut off.
    lines += [] if settings or listeners or clusters else ["{}"]
    return "".join(f"{line}\n" for line in lines)


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        # On top and not at their places, which are those of the upstream file: who reads them has that one beside it.
        yield "# Converted; what has no equal here, or means something else:"
        yield from (f"#   {note}" for note in notes)


def _cluster(name: str, cluster: Mapping[str, Any]) -> Iterator[str]:
    # `{}` says that nothing was forgotten; a key with nothing behind it would mean the same to the reader of the file.
    yield f"  {flow(name)}:{'' if cluster else ' {}'}"
    for key, value in cluster.items():
        # A line each: of what is in a cluster these are the ones that come and go, and a diff shows which.
        if key in {"frontends", "backends"}:
            yield f"    {key}:"
            yield from (f"      - {flow(each)}" for each in value)
        else:
            yield f"    {key}: {flow(value)}"
