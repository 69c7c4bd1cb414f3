"""A configuration as the text of a configuration file. Pure; `loading` reads it back to the same.

Texts stand in double quotes, as in JSON, which is YAML: so none can be mistaken for a number, a truth value or an alias.
"""

from collections.abc import Iterable, Iterator, Mapping
import json
from typing import Any

import msgspec

from sozu.command.config.loading import Configuration
from sozu.command.facts import Backend, Cluster, Fact, Listener, Protocol
from sozu.command.settings import Settings
from sozu.command.state import ConfigState


def written(configuration: Configuration, keys: str | None = None) -> str:
    """The text, with a line feed at its end. Paths are absolute in it; ports are those that listeners really have.

    `keys` is the folder that has the certificates and their keys (`file_names`); without it they are not in the file.
    """
    state = configuration.state
    return "".join(f"{line}\n" for line in (*_settings(configuration.settings), *_listeners(state, keys), *_clusters(state, keys)))


def file_names(fingerprint: str) -> tuple[str, str]:
    """How the files with a certificate and with its key are called."""
    return f"{fingerprint}.pem", f"{fingerprint}.key"


def _settings(settings: Settings) -> Iterator[str]:
    for name, value in msgspec.to_builtins(settings).items():
        if value != {}:  # it says nothing but defaults
            yield f"{name}: {_flow(value)}"


def _listeners(state: ConfigState, keys: str | None) -> Iterator[str]:
    if state.listeners:
        yield "listeners:"
        yield from (f"  - {_flow(_listener(listener, state, keys))}" for listener in state.listeners.values())


def _listener(listener: Listener, state: ConfigState, keys: str | None) -> dict[str, Any]:
    said = _said(listener)
    if keys is not None and listener.protocol is Protocol.HTTPS:
        served = (each for each in state.certificates.values() if not each.for_backends)
        here = [_files(each.fingerprint, keys) for each in served if listener.address in (each.listeners or state.listeners)]
        return {**said, "certificates": here} if here else said
    return said


def _files(fingerprint: str, keys: str) -> dict[str, str]:
    certificate, key = file_names(fingerprint)
    return {"certificate": f"{keys}/{certificate}", "key": f"{keys}/{key}"}


def _clusters(state: ConfigState, keys: str | None) -> Iterator[str]:
    if state.clusters:
        yield "clusters:"
    for cluster in state.clusters.values():
        frontends = [_flow(_said(each, but="cluster")) for each in state.frontends_of(cluster.cluster)]
        backends = [_backend(each) for each in state.backends_of(cluster.cluster)]
        settings = _said(cluster, but="cluster")
        shown = None if cluster.tls is None else state.certificates.get(cluster.tls.certificate or "")
        if keys is not None and shown is not None and shown.for_backends:
            settings["tls"].update(_files(shown.fingerprint, keys))
        yield from _cluster(cluster, settings, frontends, backends)


def _cluster(cluster: Cluster, settings: dict[str, Any], frontends: list[str], backends: list[str]) -> Iterator[str]:
    if cluster.timeouts is not None:  # all of them: what is left out in a file is as outside
        settings["timeouts"] = msgspec.structs.asdict(cluster.timeouts)
    empty = not (settings or frontends or backends)
    yield f"  {_flow(cluster.cluster)}:{' {}' if empty else ''}"
    yield from (f"    {name}: {_flow(value)}" for name, value in settings.items())
    yield from _list("frontends", frontends)
    yield from _list("backends", backends)


def _list(name: str, items: Iterable[str]) -> Iterator[str]:
    lines = [f"      - {item}" for item in items]
    return iter([f"    {name}:", *lines] if lines else [])


def _backend(backend: Backend) -> str:
    said = _said(backend, but="cluster")
    if backend.id == backend.address:
        del said["id"]
    return _flow(backend.address if len(said) == 1 else said)


def _said(fact: Fact, but: str = "") -> dict[str, Any]:
    """What a fact says beyond the defaults."""
    said: dict[str, Any] = msgspec.to_builtins(fact)
    said.pop(but, None)
    return said


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
