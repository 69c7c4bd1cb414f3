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
from sozu.command.orders import AddBackend, AddCertificate, AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.rules import Objection, Unknown, carry_out
from sozu.command.rules.codes import STILL_NEEDED, code_of
from sozu.command.shape import Path, steps
from sozu.command.state import ConfigState


def read_facts(
    value: Mapping[str, Any], folder: Folder, timeouts: Timeouts, findings: Findings, held: Iterable[Certificate] = ()
) -> ConfigState:
    """The state that the file describes, at revision 0; what is wrong with it goes to the findings. To certificates that are `held` it may refer."""
    # Listeners with their certificates go first, then clusters: frontends and the terms of backends refer to both, and the rules know
    # only what is there already. In the file they may stand in any order.
    section = _Section(folder, timeouts, findings)
    section.read_listeners(value.get("listeners"))
    lent = section.lend(held)
    section.read_clusters(value.get("clusters"))
    # Lent for that long only: the file does not say them, so neither does its state. To `apply` an exported file, which names them by their
    # fingerprints, they must be known; that they stay is for the master to see to.
    section.take_back(lent)
    check_references(value, findings)
    return section.draft.state(0)


class _Section:
    """The facts being read; `timeouts` are the file's own, on which a cluster's are laid."""

    def __init__(self, folder: Folder, timeouts: Timeouts, findings: Findings) -> None:
        # An empty state, whatever the master holds: a file is a whole configuration, so its errors depend on nothing that runs, but for what is lent.
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
            # `is`: what the file has named meanwhile was put in its place, with a key, and is another object of the same fingerprint.
            if self.draft.certificates[certificate.fingerprint] is certificate:
                self.draft.take(certificate)

    def read_listeners(self, listeners: object) -> None:
        for path, value in self._sound_items(("listeners",), listeners):
            # Cannot fail, here and below: `misfits` has looked before, and has to be as strict. A pattern that only msgspec knew was a traceback of `check`.
            entry = msgspec.convert(value, ListenerEntry)
            # Said of the list as a whole: the rules would say it of each certificate, in words that are for an order.
            if entry.certificates and entry.protocol is not Protocol.HTTPS:
                self._findings.note((*path, "certificates"), "certificates are for https listeners")
            # Before it is an order: two listeners at one address are one for the rules, the second an update of the first. With port 0 each means another port.
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
            # `blog:` with nothing behind it is a cluster without settings, whose value is None in YAML; what is neither is noted already.
            keys = value if isinstance(value, dict) else {}
            # First the cluster, then what is in it: the rules take a frontend or a backend only of a cluster that is there.
            self._read_cluster(path, name, {key: keys[key] for key in _CLUSTER_SETTINGS if key in keys})
            self._read_frontends(path, name, keys.get("frontends"))
            self._read_backends(path, name, keys.get("backends"))

    def _read_cluster(self, path: Path, name: str, value: dict[str, Any]) -> None:
        # Key by key, and not the cluster as a whole: an error in one of its frontends has spoiled the way to it, and its own settings are sound still.
        sound = {key: item for key, item in value.items() if self._findings.sound((*path, key))}
        entry = msgspec.convert(sound, ClusterEntry)
        values = {key: getattr(entry, key) for key in _CLUSTER_SETTINGS}
        values["answers"] = read_answers((*path, "answers"), entry.answers, self._folder, self._findings)
        values["tls"], shown = read_backend_terms((*path, "tls"), entry.tls, self._folder, self._findings)
        if shown is not None:
            self._show((*path, "tls"), shown)
        # None stays None: such a cluster follows the settings, also when orders change those later. What names one timeout has all four from here on.
        if entry.timeouts is not None:
            values["timeouts"] = laid_on(entry.timeouts, self._timeouts)
        if not self._carry_out(path, AddCluster(cluster=name, **values)):
            # Its frontends and backends are still to be checked, and that needs a cluster that is there.
            self.draft.put(Cluster(cluster=name))

    def _show(self, path: Path, order: AddCertificate) -> None:
        """A certificate for backends alone, unless the file has it already: several clusters may show one, and a listener serve it as well."""
        held = self.draft.certificates.get(order.fingerprint)
        if held is not None and held.private_key == order.private_key:  # of those that are lent the key is not told
            return
        # The rule would take the pin off: of a file such a thing is told.
        if any(frontend.certificate == order.fingerprint for frontend in self.draft.frontends.values()):
            self._findings.note(path, "a frontend is pinned to this certificate, and no listener of the file has it", code=STILL_NEEDED)
            return
        self._carry_out(path, order, changes=True)  # in the place of one that is lent

    def _read_frontends(self, path: Path, cluster: str, frontends: object) -> None:
        for place, value in self._sound_items((*path, "frontends"), frontends):
            # Entry and order call their fields the same. One that the order lacks is a TypeError in the first test, and not left out in silence.
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
        # To `put` what is there already has no effect, and to put it with other settings is an update: for a tool both are well, in a file
        # one of the two places would be ignored, and whoever edits that one later wonders why nothing happens.
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
        # The rules name the field as an order has it, which is where it stands in the file too; the one exception, `backend_id`, is shown at the backend.
        place = (*path, *steps(objection.field)) if objection.field is not None else path
        # The cluster of a frontend or backend is the key around it, and always there: only its own name can be wrong. A listener says one.
        at_key = objection.field == "cluster" and path[0] == "clusters"
        self._findings.note(path if at_key else place, objection.reason, at_key=at_key, code=code_of(objection))


_CLUSTER_SETTINGS = tuple(name for name in Cluster.__struct_fields__ if name != "cluster")
