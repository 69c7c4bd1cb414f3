"""A configuration as the text of a configuration file. Pure; `loading` reads it back to the same."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from sozu.command.certificates.table import serves
from sozu.command.config.loading import Configuration
from sozu.command.facts import Backend, Cluster, Fact, Listener, Protocol
from sozu.command.settings import Settings
from sozu.command.state import ConfigState
from sozu.command.texts.flow import flow


def written(configuration: Configuration, keys: str | None = None) -> str:
    """The text, with a line feed at its end. Paths are absolute in it; ports are those that listeners really have.

    `keys` is the folder that has the certificates and their keys (`file_names`); without it they are not in the file.
    """
    state = configuration.state
    return "".join(f"{line}\n" for line in (*_settings(configuration.settings), *_listeners(state, keys), *_clusters(state, keys)))


def file_names(fingerprint: str) -> tuple[str, str]:
    """How the files with a certificate and with its key are called."""
    # Named by what the certificate is: hostnames would clash where two certificates are for one, and "*.example.com" is no name for a file.
    return f"{fingerprint}.pem", f"{fingerprint}.key"


def _settings(settings: Settings) -> Iterator[str]:
    for name, value in msgspec.to_builtins(settings).items():
        # `omit_defaults` leaves out single values, but a struct of nothing else than those, such as `pool`, as an empty mapping.
        if value != {}:  # it says nothing but defaults
            yield f"{name}: {flow(value)}"


def _listeners(state: ConfigState, keys: str | None) -> Iterator[str]:
    if state.listeners:
        yield "listeners:"
        yield from (f"  - {flow(_listener(listener, state, keys))}" for listener in state.listeners.values())


def _listener(listener: Listener, state: ConfigState, keys: str | None) -> dict[str, Any]:
    said = _said(listener)
    if keys is not None and listener.protocol is Protocol.HTTPS:
        # Those for backends are served nowhere: they are named by the cluster that shows them. Without listeners of its own a certificate is for all: the file
        # has no place for that, so each listener names it.
        here = [_files(each.fingerprint, keys) for each in state.certificates.values() if serves(each, listener.address)]
        return {**said, "certificates": here} if here else said
    return said


def _files(fingerprint: str, keys: str) -> dict[str, str]:
    certificate, key = file_names(fingerprint)
    return {"certificate": f"{keys}/{certificate}", "key": f"{keys}/{key}"}


def _clusters(state: ConfigState, keys: str | None) -> Iterator[str]:
    if state.clusters:
        yield "clusters:"
    secure = [listener.address for listener in state.listeners.values() if listener.protocol is Protocol.HTTPS]
    for cluster in state.clusters.values():
        # Where they stand says to which cluster they belong; the key is unknown to an entry.
        frontends = [flow(_said(each, but="cluster")) for each in state.frontends_of(cluster.cluster)]
        backends = [_backend(each) for each in state.backends_of(cluster.cluster)]
        settings = _said(cluster, but="cluster")
        shown = None if cluster.tls is None else state.certificates.get(cluster.tls.certificate or "")
        # Over the fingerprint, which a master that begins with this file would not know. One that is served is named at its listener already.
        if keys is not None and shown is not None and not any(serves(shown, each) for each in secure):
            settings["tls"].update(_files(shown.fingerprint, keys))
        yield from _cluster(cluster, settings, frontends, backends)


def _cluster(cluster: Cluster, settings: dict[str, Any], frontends: list[str], backends: list[str]) -> Iterator[str]:
    if cluster.timeouts is not None:  # all of them: what is left out in a file is as outside
        settings["timeouts"] = msgspec.structs.asdict(cluster.timeouts)
    empty = not (settings or frontends or backends)
    yield f"  {flow(cluster.cluster)}:{' {}' if empty else ''}"
    yield from (f"    {name}: {flow(value)}" for name, value in settings.items())
    yield from _list("frontends", frontends)
    yield from _list("backends", backends)


def _list(name: str, items: Iterable[str]) -> Iterator[str]:
    lines = [f"      - {item}" for item in items]
    return iter([f"    {name}:", *lines] if lines else [])


def _backend(backend: Backend) -> str:
    said = _said(backend, but="cluster")
    # The rules fill it in; a name that was never given would look like one, and stay behind when the address is edited.
    if backend.id == backend.address:
        del said["id"]
    return flow(backend.address if len(said) == 1 else said)


def _said(fact: Fact, but: str = "") -> dict[str, Any]:
    """What a fact says beyond the defaults."""
    # `omit_defaults` of the facts does the choosing: what a file leaves out is the same default, so that it reads back to an equal fact.
    said: dict[str, Any] = msgspec.to_builtins(fact)
    said.pop(but, None)
    return said
