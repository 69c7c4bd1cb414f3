"""The effects of a transaction as rows that people and programs read: + for what comes, - for what goes, ~ for what changes. Pure."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Literal

import msgspec

from sozu.command.draft import Change
from sozu.command.facts import AnyFact, Backend, Certificate, Cluster, Frontend, Listener, Overrides
from sozu.command.rules.names import frontend_name

Sign = Literal["+", "-", "~"]
Place = tuple[type[AnyFact], Any]  # kind and key
_OWN = "its own"  # where a certificate stands that has not moved


class Alteration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One object that comes, goes or changes. `fields`: for `+` what it says beyond its name, for `~` of each field [before, after]."""

    sign: Sign
    kind: str
    name: str
    cluster: str | None = None
    fields: dict[str, Any] = {}

    def __str__(self) -> str:
        """As `sozu plan` shows it."""
        where = f" of cluster {self.cluster}" if self.cluster is not None else ""
        return "  ".join([f"{self.sign} {self.kind} {self.name}{where}", *self._details()])

    def _details(self) -> Iterator[str]:
        unsaid = "as started" if self.kind == "settings" else "default"
        for field, value in self.fields.items():
            if self.sign == "~":
                before, after = (unsaid if side is None else _shown(side) for side in value)
                yield f"{field}: {before} -> {after}"
            else:
                yield f"{field}: {_shown(value)}"


def alterations(effects: Iterable[Change]) -> list[Alteration]:
    """What these effects come to, each object once: one that comes and goes again is not there.

    A certificate that takes another's place is a change of that one; one that was there before stands elsewhere then.
    """
    first: dict[Place, AnyFact | None] = {}
    last: dict[Place, AnyFact | None] = {}
    heirs: dict[Place, Place] = {}  # who took a place, and whose it was at first
    moved: dict[Place, str] = {}  # where those stand that went and came again
    for change in effects:
        places = _places(change)
        # What was there before the first change, and after the last: steps in between are nobody's business, since a transaction
        # shows none.
        for place, before, after in places:
            first.setdefault(place, before)
            last[place] = after
            moved[place] = "behind the others" if before is None else moved.get(place, _OWN)
        if len(places) > 1:
            (old, _, _), (new, _, _) = places
            heirs[new] = heirs.get(old, old)
            moved[new] = _OWN if heirs[new] == new else f"that of {heirs[new][1]}"
    # Only where one has gone and the other come in its place: of two that were there before, one goes, and a plan has to say so.
    replaced = {old: new for new, old in heirs.items() if first[new] is None and last[new] and first[old] and last[old] is None}
    began = first | {new: first[old] for old, new in replaced.items()}
    # Of certificates alone the order means something: the first of a listener is its default.
    elsewhere = {place: where for place, where in moved.items() if where != _OWN and place[0] is Certificate and first[place] and last[place]}
    return [
        _alteration(began[place], after, elsewhere.get(place))
        for place, after in last.items()
        if (began[place] != after or place in elsewhere) and place not in replaced
    ]


def _places(change: Change) -> list[tuple[Place, AnyFact | None, AnyFact | None]]:
    """What becomes of each object: two of them where one takes another's place."""
    # By kind and key, not by identity: what one order takes and another puts back is the same object to whoever reads a plan.
    before, after = ((type(fact), fact.key) if fact is not None else None for fact in change)
    if before is None or after is None or before == after:
        place = after or before
        assert place is not None, "a change has a side"
        return [(place, *change)]
    return [(before, change.before, None), (after, None, change.after)]


TO_DO, DONE = ("to add", "to change", "to remove"), ("added", "changed", "removed")


def counted(rows: Iterable[Alteration], words: tuple[str, str, str] = TO_DO) -> str:
    """`2 to add, 1 to change, 0 to remove`."""
    # Once through: rows may be a generator. Zeros are said too, so that scripts and eyes find the numbers at the same place.
    signs = "".join(row.sign for row in rows)
    return ", ".join(f"{signs.count(sign)} {word}" for sign, word in zip("+~-", words, strict=True))


def _alteration(before: AnyFact | None, after: AnyFact | None, elsewhere: str | None) -> Alteration:
    fact = after or before
    assert fact is not None, "there is a difference"
    if isinstance(fact, Overrides):
        # Settings are always there; without overrides they are what the master was started with.
        before, after = before or Overrides(), after or Overrides()
    kind, name, cluster, naming = _named(fact)
    old = _fields(before, naming)
    new = _fields(after, naming)
    if before is None:
        new.pop("cluster", None)  # it is said already
        return Alteration(sign="+", kind=kind, name=name, cluster=cluster, fields=new)
    # Without fields: of what goes the name is enough, and a whole cluster would be a page.
    if after is None:
        return Alteration(sign="-", kind=kind, name=name, cluster=cluster)
    differing = {field: [old.get(field), new.get(field)] for field in {**old, **new} if old.get(field) != new.get(field)}
    if elsewhere is not None:
        differing["place"] = [_OWN, elsewhere]
    return Alteration(sign="~", kind=kind, name=name, cluster=cluster, fields=differing)


def _named(fact: AnyFact) -> tuple[str, str, str | None, frozenset[str]]:
    """Kind, name, cluster, and the fields that the name says already."""
    match fact:
        case Listener():
            return "listener", f"{fact.protocol} {fact.address}", None, frozenset(("protocol", "address"))
        case Cluster():
            return "cluster", fact.cluster, None, frozenset(("cluster",))
        case Frontend():
            return "frontend", frontend_name(fact), fact.cluster, _IN_NAME
        case Backend():
            # An id that is only the address again was given by nobody.
            said = {"address", "cluster", *(("id",) if fact.id == fact.address else ())}
            return "backend", fact.address, fact.cluster, frozenset(said)
        case Overrides():
            return "settings", "for all", None, frozenset()
        case Certificate():
            # "key" is how the private key is called in JSON: what stands here is shown nowhere, neither when it comes nor when it
            # changes. A new field of a certificate that is secret belongs here as well.
            return "certificate", fact.fingerprint, None, frozenset(("fingerprint", "certificate", "key", "chain"))


_IN_NAME = frozenset(
    ("hostname", "hostname_regex", "path", "path_exact", "path_regex", "methods", "headers", "query", "cookies", "position", "listener", "passthrough")
)


def settings_of(fact: AnyFact) -> dict[str, Any]:
    """What a fact says beyond its name and its cluster. Of passwords only whose they are; of a key nothing."""
    _, _, _, naming = _named(fact)
    said = _fields(fact, naming)
    said.pop("cluster", None)
    return said


def _fields(fact: AnyFact | None, naming: frozenset[str]) -> dict[str, Any]:
    """What a fact says; a default that is not said is not shown."""
    # By msgspec and not by attributes: the names are those of the command protocol, and defaults are left out as they are there.
    said: dict[str, Any] = msgspec.to_builtins(fact) if fact is not None else {}
    shown = {field: value for field, value in said.items() if field not in naming}
    if isinstance(fact, Frontend):  # it is in the name; that it moved is not
        shown["cluster"] = fact.cluster
        if fact.basic_auth is not None:
            # Here, where all ways to a row pass by: `plan`, `apply`, `explain`. A hash can be guessed at offline by whoever reads a
            # log of them.
            shown["basic_auth"] = _without_hashes(shown["basic_auth"])
    return shown


def _shown(value: object) -> str:
    match value:
        case None:
            return "default"
        case bool():
            return "yes" if value else "no"
        case dict():
            return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_shown, value)) + "]"
        case _:
            return str(value)


def _without_hashes(auth: dict[str, Any]) -> dict[str, Any]:
    """Whose passwords they are; a mark tells one that is changed, and gives nothing to guess with."""
    users = {user["name"]: f"password {sha256(user['hash'].encode()).hexdigest()[:6]}" for user in auth["users"]}
    return {**auth, "users": users}
