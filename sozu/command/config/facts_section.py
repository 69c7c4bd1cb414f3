"""The part of the file that is facts: listeners and clusters become orders, carried out by the rules of `commit`. Pure.

So the file obeys the same rules as the command socket, and says the same when it does not. A part whose shape is wrong is left out,
and what only follows from another error is not shown.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from sozu.command.addresses import has_port_0, normal_address, parse_address
from sozu.command.config.answers import read_answers
from sozu.command.config.certificates import read_backend_terms, read_certificates, read_terms
from sozu.command.config.findings import Findings
from sozu.command.config.places import Folder
from sozu.command.config.references import check_references
from sozu.command.config.schema import BackendEntry, ClusterEntry, FrontendEntry, ListenerEntry, laid_on
from sozu.command.draft import Draft
from sozu.command.facts import Certificate, Cluster, Protocol, Timeouts
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.rules import Objection, Unknown, carry_out
from sozu.command.rules.codes import code_of
from sozu.command.shape import Path, steps
from sozu.command.state import ConfigState


def read_facts(
    value: Mapping[str, Any], folder: Folder, timeouts: Timeouts, findings: Findings, held: Iterable[Certificate] = ()
) -> ConfigState:
    """The state that the file describes, at revision 0; what is wrong with it goes to the findings. To certificates that are `held` it may refer."""
    section = _Section(folder, timeouts, findings)
    section.read_listeners(value.get("listeners"))
    lent = section.lend(held)
    section.read_clusters(value.get("clusters"))
    section.take_back(lent)
    check_references(value, findings)
    return section.draft.state(0)


class _Section:
    """The facts being read; `timeouts` are the file's own, on which a cluster's are laid."""

    def __init__(self, folder: Folder, timeouts: Timeouts, findings: Findings) -> None:
        self.draft = Draft(ConfigState())
        self._folder = folder
        self._timeouts = timeouts
        self._findings = findings

    def lend(self, held: Iterable[Certificate]) -> list[Certificate]:
        """Those that the file has not itself, for what it says next."""
        lent = [certificate for certificate in held if certificate.fingerprint not in self.draft.certificates]
        for certificate in lent:
            self.draft.put(certificate)
        return lent

    def take_back(self, lent: Iterable[Certificate]) -> None:
        """All but those that the file has named since."""
        for certificate in lent:
            if self.draft.certificates[certificate.fingerprint] is certificate:
                self.draft.take(certificate)

    def read_listeners(self, listeners: object) -> None:
        for path, value in self._sound_items(("listeners",), listeners):
            entry = msgspec.convert(value, ListenerEntry)
            if entry.certificates and entry.protocol is not Protocol.HTTPS:
                self._findings.note((*path, "certificates"), "certificates are for https listeners")
            address = self._one_more(self._folder.address(entry.address))
            answers = read_answers((*path, "answers"), entry.answers, self._folder, self._findings)
            tls = read_terms((*path, "tls"), entry.tls, self._folder, self._findings)
            order = AddListener(
                protocol=entry.protocol,
                address=address,
                cluster=entry.cluster,
                active=entry.active,
                proxy_from=entry.proxy_from,
                trusted=entry.trusted,
                answers=answers,
                tls=tls,
            )
            if self._carry_out(path, order) and entry.protocol is Protocol.HTTPS:
                self._read_certificates(path, entry, address)

    def _one_more(self, address: str) -> str:
        """Of several listeners at port 0 each is one of its own."""
        while has_port_0(address) and normal_address(address) in self.draft.listeners:
            address = str(parse_address(address).next())
        return address

    def _read_certificates(self, path: Path, entry: ListenerEntry, address: str) -> None:
        orders = read_certificates((*path, "certificates"), entry.certificates, address, self._folder, self._findings)
        for place, order in orders:
            self._carry_out(place, order, changes=True)  # one certificate may be at several listeners

    def read_clusters(self, clusters: object) -> None:
        for name, value in clusters.items() if isinstance(clusters, dict) else ():
            path: Path = ("clusters", name)
            keys = value if isinstance(value, dict) else {}
            self._read_cluster(path, name, {key: keys[key] for key in _CLUSTER_SETTINGS if key in keys})
            self._read_frontends(path, name, keys.get("frontends"))
            self._read_backends(path, name, keys.get("backends"))

    def _read_cluster(self, path: Path, name: str, value: dict[str, Any]) -> None:
        sound = {key: item for key, item in value.items() if self._findings.sound((*path, key))}
        entry = msgspec.convert(sound, ClusterEntry)
        values = {key: getattr(entry, key) for key in _CLUSTER_SETTINGS}
        values["answers"] = read_answers((*path, "answers"), entry.answers, self._folder, self._findings)
        values["tls"], shown = read_backend_terms((*path, "tls"), entry.tls, self._folder, self._findings)
        if shown is not None:
            self._carry_out((*path, "tls"), shown, changes=True)  # several clusters may show one
        if entry.timeouts is not None:
            values["timeouts"] = laid_on(entry.timeouts, self._timeouts)
        if not self._carry_out(path, AddCluster(cluster=name, **values)):
            # Its frontends and backends are still to be checked, and that needs a cluster that is there.
            self.draft.put(Cluster(cluster=name))

    def _read_frontends(self, path: Path, cluster: str, frontends: object) -> None:
        for place, value in self._sound_items((*path, "frontends"), frontends):
            values = msgspec.structs.asdict(msgspec.convert(value, FrontendEntry))
            if values["listener"] is not None:
                values["listener"] = self._folder.address(values["listener"])
            self._carry_out(place, AddHttpFrontend(cluster=cluster, **values))

    def _read_backends(self, path: Path, cluster: str, backends: object) -> None:
        for place, value in self._sound_items((*path, "backends"), backends):
            entry = BackendEntry(address=value) if isinstance(value, str) else msgspec.convert(value, BackendEntry)
            values = msgspec.structs.asdict(entry) | {"address": self._folder.address(entry.address)}
            self._carry_out(place, AddBackend(cluster=cluster, **values))

    def _sound_items(self, path: Path, items: object) -> Iterator[tuple[Path, Any]]:
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if self._findings.sound((*path, index)):
                yield (*path, index), item

    def _carry_out(self, path: Path, order: AnyOrder, *, changes: bool = False) -> bool:
        """Whether the order could be carried out; if not, or if the file says the same thing twice, that is noted."""
        effects = len(self.draft.effects)
        try:
            carry_out(self.draft, order)
        except Objection as objection:
            self._note(path, objection)
            return False
        if not self.draft.effects[effects:] or (self.draft.effects[-1].before is not None and not changes):
            self._findings.note(path, "the file has this already, further up", code="said-twice")
        return True

    def _note(self, path: Path, objection: Objection) -> None:
        if isinstance(objection, Unknown) and not self._findings.sound(("listeners",)):
            return  # the listener that is meant may be one that could not be read
        place = (*path, *steps(objection.field)) if objection.field is not None else path
        # The cluster of a frontend or backend is the key around it, and always there: only its own name can be wrong. A listener says one.
        at_key = objection.field == "cluster" and path[0] == "clusters"
        self._findings.note(path if at_key else place, objection.reason, at_key=at_key, code=code_of(objection))


_CLUSTER_SETTINGS = tuple(name for name in Cluster.__struct_fields__ if name != "cluster")
