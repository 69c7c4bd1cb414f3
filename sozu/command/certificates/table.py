"""Which certificates a handshake gets: by the name that the client asks for, at a listener. Immutable; `after` gives the next table. Pure.

The rules, most specific first (docs/tls.md tells them to users):

1. a certificate that a frontend with this very hostname (or wildcard) is pinned to;
2. one that has the name itself; 3. one that has the wildcard for its first label;
4. the listener's default: the first certificate that was added for it, or for all listeners, and those with the same names and another kind of key.

At each step there may be several: one of each kind of key is given, ECDSA first, for OpenSSL to choose by what the client knows; of two of one
kind the one for this listener only, then the one that is valid for longest.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from sozu.command.certificates.names import patterns
from sozu.command.draft import Change
from sozu.command.facts import AnyFact, Certificate, Frontend, KeyKind

KINDS = tuple(KeyKind)
EVERY_HOST = "*"
T = TypeVar("T")
Pins = Mapping[str, tuple[tuple[str | None, str], ...]]


@dataclass(frozen=True, slots=True)
class CertificateTable:
    """Certificates in the order in which they were added, by fingerprint and by name; and what frontends pin: (listener, fingerprint) by hostname."""

    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pins: Pins = field(default_factory=dict)

    @classmethod
    def of(cls, certificates: Iterable[Certificate], frontends: Iterable[Frontend] = ()) -> "CertificateTable":
        """The table of these facts."""
        facts: Iterable[AnyFact] = chain(certificates, frontends)
        return cls().after(Change(None, fact) for fact in facts)

    def after(self, changes: Iterable[Change]) -> "CertificateTable":
        """The table after some changes; itself, if they regard no certificate."""
        relevant = [change for change in changes if _regards_certificates(change)]
        # The table as it is: a transaction of ten thousand backends must not cost a worker a copy of all certificates.
        if not relevant:
            return self
        draft = _Draft(dict(self.certificates), dict(self.by_name), dict(self.pins))
        for change in relevant:
            draft.follow(change)
        draft.put_in_places()
        return CertificateTable(draft.certificates, draft.by_name, draft.pins)

    def find(self, listener: str, name: str | None) -> tuple[Certificate, ...]:
        """For a client that asks for this name (in normal form), or for none; empty if there is no certificate for this listener."""
        if name is not None:
            for pattern in patterns(name):
                # Pin before name, for each pattern in turn, and not all pins first: a pin of the wildcard must not win over a
                # certificate that has the very name.
                found = self._pinned(listener, pattern) or self._best(listener, self.by_name.get(pattern, ()))
                if found:
                    return found
        # A client that names nobody, or somebody we do not know, is not turned away: TLS without SNI is still spoken, and what it
        # asks for afterwards must be a host of this certificate, else it gets 421.
        return self._pinned(listener, EVERY_HOST) or self._default(listener)

    def _pinned(self, listener: str, hostname: str) -> tuple[Certificate, ...]:
        pins = self.pins.get(hostname, ())
        return self._best(listener, [fingerprint for where, fingerprint in pins if where in (None, listener)])

    def _best(self, listener: str, fingerprints: Iterable[str]) -> tuple[Certificate, ...]:
        """One of each kind, best kind first."""
        best: dict[KeyKind, Certificate] = {}
        for fingerprint in fingerprints:
            one = self.certificates.get(fingerprint)
            if one is not None and serves(one, listener) and (one.kind not in best or _rank(one) > _rank(best[one.kind])):
                best[one.kind] = one
        return tuple(best[kind] for kind in KINDS if kind in best)

    def _default(self, listener: str) -> tuple[Certificate, ...]:
        # The order of the dict is the rule here, and it is the state's order: hence whoever replaces a certificate takes its place,
        # and a renewal does not move the default to somebody else.
        first = next((one for one in self.certificates.values() if serves(one, listener)), None)
        return () if first is None else self._best(listener, [first.fingerprint, *self._twins(first)])

    def _twins(self, first: Certificate) -> Iterator[str]:
        """For clients that cannot take its kind of key: those are the ones that send no name, too."""
        for name in first.names[:1]:
            for fingerprint in self.by_name.get(name, ()):
                other = self.certificates[fingerprint]
                # The same names, and not only one in common: a default is what strangers see, and shows no other tenant's names.
                # Where ECDSA was added first, clients that know RSA alone, the old ones that send no name, had no handshake at all.
                if other.kind is not first.kind and set(other.names) == set(first.names):
                    yield fingerprint


def serves(certificate: Certificate, listener: str) -> bool:
    """Is it for this listener?"""
    return not certificate.for_backends and (not certificate.listeners or listener in certificate.listeners)


def _rank(certificate: Certificate) -> tuple[bool, int, str]:
    # The fingerprint ends every tie: workers, which have heard of the same certificates in another order, must give the same one.
    return (bool(certificate.listeners), certificate.not_after, certificate.fingerprint)


def _regards_certificates(change: Change) -> bool:
    return _is_of_certificates(change.before) or _is_of_certificates(change.after)


def _is_of_certificates(fact: AnyFact | None) -> bool:
    return isinstance(fact, Certificate) or (isinstance(fact, Frontend) and fact.certificate is not None)


@dataclass(slots=True)
class _Draft:
    """The next table in the making.

    Who replaces another gets its place in the order. That takes a new dict, made once for all that are `replaced` (by fingerprint), unless one of
    them (`touched`) changes again meanwhile: ten thousand dicts of ten thousand would hold a worker up for seconds.
    """

    certificates: dict[str, Certificate]
    by_name: dict[str, tuple[str, ...]]
    pins: dict[str, tuple[tuple[str | None, str], ...]]
    replaced: dict[str, Certificate] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def follow(self, change: Change) -> None:
        # Places are put off, so whoever is replaced or has just come must not be changed again before he is in his place: what
        # follows would look for him under a fingerprint that the dict does not have yet.
        if any(isinstance(side, Certificate) and side.fingerprint in self.touched for side in (change.before, change.after)):
            self.put_in_places()
        match change.before:
            case Certificate() as gone:
                self._take(gone, change.after)
            # Before and after are followed apart: a frontend that is pinned anew is one change with both sides, and leaves one pin
            # for the other.
            case Frontend(certificate=str(fingerprint)) as gone:
                _drop(self.pins, gone.hostname, (gone.listener, fingerprint))
        match change.after:
            case Certificate() as come:
                if come.fingerprint not in self.touched:  # else it replaces one
                    self.certificates[come.fingerprint] = come
                for name in come.names:
                    _note(self.by_name, name, come.fingerprint)
            case Frontend(certificate=str(fingerprint)) as come:
                _note(self.pins, come.hostname, (come.listener, fingerprint))

    def _take(self, gone: Certificate, come: AnyFact | None) -> None:
        """The place of one that is changed or replaced stays."""
        if not isinstance(come, Certificate):
            del self.certificates[gone.fingerprint]
        # Neither deleted nor put: the dict keeps the old key as a place-holder until `put_in_places`.
        elif come.fingerprint != gone.fingerprint:
            self.replaced[gone.fingerprint] = come
            self.touched |= {gone.fingerprint, come.fingerprint}
        for name in gone.names:
            _drop(self.by_name, name, gone.fingerprint)

    def put_in_places(self) -> None:
        """Those that replace others."""
        if self.replaced:
            now = (self.replaced.get(key, fact) for key, fact in self.certificates.items())
            self.certificates = {fact.fingerprint: fact for fact in now} | {fact.fingerprint: fact for fact in self.replaced.values()}
            self.replaced, self.touched = {}, set()


def _note(index: dict[str, tuple[T, ...]], key: str, item: T) -> None:
    index[key] = (*index.get(key, ()), item)


def _drop(index: dict[str, tuple[T, ...]], key: str, item: T) -> None:
    """One of them: two frontends may pin the same."""
    items = list(index[key])
    items.remove(item)
    if items:
        index[key] = tuple(items)
    else:
        del index[key]
