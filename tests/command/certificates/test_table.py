from collections.abc import Callable, Sequence
import time

from hypothesis import given
from hypothesis import strategies as st

from sozu.command.certificates.names import covers, patterns
from sozu.command.certificates.table import CertificateTable
from sozu.command.draft import Change
from sozu.command.facts import AnyFact, Certificate, Frontend, KeyKind

HERE, THERE = "127.0.0.1:8443", "127.0.0.1:9443"


def certificate(fingerprint: str, *names: str, kind: KeyKind = KeyKind.ECDSA, listener: str | None = None, until: int = 0) -> Certificate:
    return Certificate(
        fingerprint=fingerprint, certificate="", private_key="", names=names, kind=kind, listeners=() if listener is None else (listener,), not_after=until
    )


def pinned(hostname: str, fingerprint: str | None, listener: str | None = None, path: str = "/") -> Frontend:
    return Frontend(cluster="c", hostname=hostname, path=path, certificate=fingerprint, listener=listener)


def found(table: CertificateTable, name: str | None, listener: str = HERE) -> str:
    return " ".join(one.fingerprint for one in table.find(listener, name))


def test_the_name_itself_comes_before_the_wildcard_and_that_before_the_default() -> None:
    table = CertificateTable.of([certificate("first", "x.example"), certificate("star", "*.a.example"), certificate("exact", "b.a.example")])
    assert [found(table, name) for name in ("b.a.example", "c.a.example", "d.c.a.example", "a.example", None)] == [
        "exact",
        "star",
        "first",
        "first",
        "first",
    ]


def test_ten_thousand_replaced_at_once_keep_their_places_and_hold_nobody_up() -> None:
    old = [certificate(f"old {number}", f"{number}.example") for number in range(10_000)]
    new = [certificate(f"new {number}", f"{number}.example") for number in range(10_000)]
    before = CertificateTable.of(old)
    begin = time.process_time()
    table = before.after(Change(*pair) for pair in zip(old, new, strict=True))

    assert time.process_time() - begin < 1  # 0.02; one by one it takes 5
    assert list(table.certificates) == [one.fingerprint for one in new]
    assert found(table, "77.example") == "new 77"


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["", *"abcd"])), max_size=8))
def test_changes_at_once_are_the_same_as_one_by_one(steps: list[tuple[str, str]]) -> None:
    """Each step gives, takes, renews or replaces one, by its fingerprint."""
    has = {letter: certificate(letter, f"{letter}.example") for letter in "ab"}
    begin = CertificateTable.of(has.values())
    changes: list[Change] = []
    for where, (old, new) in enumerate(steps):
        if new in has and new != old:
            continue
        gone, come = has.pop(old, None), certificate(new, f"{old}.example", until=where) if new else None
        if come is not None:
            has[new] = come
        if gone is not None or come is not None:
            changes.append(Change(gone, come))
    one_by_one = begin
    for change in changes:
        one_by_one = one_by_one.after([change])
    at_once = begin.after(changes)

    assert at_once == one_by_one
    assert list(at_once.certificates) == list(one_by_one.certificates)


def test_a_listener_has_its_own_certificates_and_those_for_all() -> None:
    table = CertificateTable.of([certificate("own", "a.example", listener=THERE), certificate("all", "a.example", until=9)])
    assert (found(table, "a.example", THERE), found(table, "a.example", HERE)) == ("own", "all")
    assert (found(table, None, THERE), found(table, None, HERE)) == ("own", "all")
    assert found(CertificateTable.of([certificate("own", "a.example", listener=THERE)]), "a.example") == ""


def test_ecdsa_comes_before_rsa_for_one_name_and_the_longest_valid_of_one_kind_is_taken() -> None:
    facts = [
        certificate("old rsa", "a.example", kind=KeyKind.RSA, until=1),
        certificate("new rsa", "a.example", kind=KeyKind.RSA, until=2),
        certificate("ec", "a.example"),
    ]
    assert found(CertificateTable.of(facts), "a.example") == "ec new rsa"


def test_the_default_is_there_for_clients_of_the_other_kind_too_if_it_has_the_same_names() -> None:
    first = certificate("first", "a.example", "b.example")
    facts = [
        first,
        certificate("longer valid", *first.names, until=9),
        certificate("rsa of one", "a.example", kind=KeyKind.RSA),
        certificate("rsa of both", "b.example", "a.example", kind=KeyKind.RSA),
        certificate("rsa elsewhere", *first.names, kind=KeyKind.RSA, listener=THERE, until=9),
    ]
    table = CertificateTable.of(facts)
    assert [found(table, None, where) for where in (HERE, THERE)] == ["first rsa of both", "first rsa elsewhere"]
    assert found(CertificateTable.of(facts[:3]), "nobody.test") == "first"


def test_a_pin_decides_for_its_hostname() -> None:
    facts = [certificate("new", "a.example", until=2), certificate("old", "a.example", until=1), certificate("star", "*.example")]
    assert found(CertificateTable.of(facts, [pinned("a.example", "old")]), "a.example") == "old"
    assert found(CertificateTable.of(facts, [pinned("*.example", "old")]), "b.example") == "old"
    assert found(CertificateTable.of(facts, [pinned("*", "old")]), "nobody.test") == "old"
    assert found(CertificateTable.of(facts, [pinned("a.example", "old", THERE)]), "a.example") == "new"
    assert found(CertificateTable.of(facts, [pinned("a.example", "gone")]), "a.example") == "new"


def test_what_regards_no_certificate_changes_nothing() -> None:
    table = CertificateTable.of([certificate("one", "a.example")])
    assert table.after([Change(None, pinned("a.example", None))]) is table


def test_a_changed_certificate_keeps_its_place_as_the_default() -> None:
    table = CertificateTable.of([certificate("one", "a.example"), certificate("two", "b.example")])
    moved = table.after([Change(certificate("one", "a.example"), certificate("one", "c.example"))])
    assert (found(moved, None), found(moved, "c.example"), moved.by_name.get("a.example")) == ("one", "one", None)


def test_a_replacement_takes_the_place_of_the_one_before() -> None:
    table = CertificateTable.of([certificate("one", "a.example"), certificate("two", "b.example")])
    after = table.after([Change(certificate("one", "a.example"), certificate("new", "a.example"))])
    assert (found(after, None), found(after, "a.example"), list(after.certificates)) == ("new", "new", ["new", "two"])


def test_two_frontends_may_pin_the_same_and_one_may_go() -> None:
    facts = [certificate("new", "a.example", until=2), certificate("old", "a.example")]
    pins = [pinned("a.example", "old"), pinned("a.example", "old", path="/api")]
    table = CertificateTable.of(facts, pins).after([Change(pins[0], None)])
    assert found(table, "a.example") == "old"
    assert found(table.after([Change(pins[1], None)]), "a.example") == "new"


def test_patterns_and_cover() -> None:
    assert patterns("b.a.example") == ("b.a.example", "*.a.example")
    assert patterns("localhost") == ("localhost",)
    assert patterns("10.0.0.1") == ("10.0.0.1",)
    assert patterns("[::1]") == ("[::1]",)
    assert covers(("*.a.example",), "b.a.example")
    assert covers(("*.a.example",), "*.a.example")
    assert not covers(("b.a.example",), "*.a.example")
    assert not covers(("*.a.example",), "a.example")
    assert not covers(("*.a.example",), "c.b.a.example")
    assert not covers(("*.0.0.1",), "10.0.0.1")


# --- the same by looking at everything each time -------------------------------------------------------------------------

names = st.sampled_from(["a.example", "b.example", "*.example", "x.a.example", "*.a.example", "10.0.0.1"])
listeners = st.sampled_from([None, HERE, THERE])
fingerprints = st.sampled_from(["0a", "0b", "0c", "0d", "0e"])
certificates = st.builds(
    lambda fingerprint, names, kind, listener, until: certificate(fingerprint, *names, kind=kind, listener=listener, until=until),
    fingerprints,
    st.lists(names, max_size=3, unique=True),
    st.sampled_from(KeyKind),
    listeners,
    st.integers(0, 2),
)
frontends = st.builds(pinned, st.one_of(names, st.just("*")), st.one_of(st.none(), fingerprints), listeners, st.sampled_from(["/", "/api"]))


def obvious(facts: Sequence[AnyFact], listener: str, name: str | None) -> str:
    here = [fact for fact in facts if isinstance(fact, Certificate) and fact.listeners in ((), (listener,))]
    pins = [fact for fact in facts if isinstance(fact, Frontend) and fact.listener in (None, listener)]
    steps: list[Callable[[Certificate], bool]] = []
    if name is not None:
        for pattern in patterns(name):
            steps.append(lambda one, pattern=pattern: any(pin.hostname == pattern and pin.certificate == one.fingerprint for pin in pins))  # type: ignore[misc]
            steps.append(lambda one, pattern=pattern: pattern in one.names)  # type: ignore[misc]
    steps.append(lambda one: any(pin.hostname == "*" and pin.certificate == one.fingerprint for pin in pins))
    for step in steps:
        if candidates := [one for one in here if step(one)]:
            return " ".join(_best(candidates))
    return here[0].fingerprint if here else ""


def _best(candidates: Sequence[Certificate]) -> list[str]:
    of_kinds = [[one for one in candidates if one.kind is kind] for kind in KeyKind]
    return [max(some, key=lambda one: (bool(one.listeners), one.not_after, one.fingerprint)).fingerprint for some in of_kinds if some]


@given(st.lists(st.tuples(st.booleans(), st.one_of(certificates, frontends)), max_size=12), st.sampled_from([HERE, THERE]), st.one_of(st.none(), names))
def test_a_table_that_followed_every_change_answers_like_one_that_looks_at_everything(
    steps: list[tuple[bool, Certificate | Frontend]], listener: str, name: str | None
) -> None:
    table, state = CertificateTable(), dict[object, AnyFact]()
    for stays, fact in steps:
        before = state.get(fact.key)
        if stays:
            state[fact.key] = fact
            table = table.after([Change(before, fact)])
        elif before is not None:
            del state[fact.key]
            table = table.after([Change(before, None)])
    asked = None if name is None else name.replace("*", "star")
    assert found(table, asked, listener) == obvious(list(state.values()), listener, asked)
