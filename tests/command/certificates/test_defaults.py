"""The default of a listener is the first certificate that was added for it, and a change to another state restores it."""

from itertools import permutations

import pytest

from sozu.command.certificates.table import CertificateTable
from sozu.command.commit import commit
from sozu.command.orders import AddHttpFrontend, AnyOrder, RemoveCertificate
from sozu.command.planning.changes import alterations
from sozu.command.state import ConfigState, diff, orders_of, same_facts
from tests.command.certificates.ordering import HTTPS, OTHER, A, B, C, added, done, for_backends, showing

D, E = "d" * 64, "e" * 64


def defaults(state: ConfigState) -> list[str]:
    table = CertificateTable.of(state.certificates.values())
    return [one.fingerprint for address in (HTTPS, OTHER) for one in table.find(address, None)]


def led(before: ConfigState, after: ConfigState) -> ConfigState:
    result = commit(before, diff(before, after)).state
    assert same_facts(result, after)
    assert diff(result, after) == []
    assert defaults(result) == defaults(after)
    return result


@pytest.fixture
def both(state: ConfigState) -> ConfigState:
    pins = [AddHttpFrontend(cluster="c", hostname=name, certificate=key) for name, key in (("a.example", A), ("b.example", B))]
    return done(state, added(B, "b.example"), added(C, "c.example"), for_backends(D), *pins, showing(D)).state


def test_the_first_that_is_removed_and_added_again_is_put_back_in_its_place(both: ConfigState) -> None:
    again = done(both, RemoveCertificate(fingerprint=A, force=True), added(A, "a.example", "*.a.example")).state
    assert (defaults(both), defaults(again)) == ([A, A], [B, B])
    assert not same_facts(both.at(0), done(again, *pins_of(both)).state.at(0))

    led(again, both)
    led(both, again)


def pins_of(state: ConfigState) -> list[AnyOrder]:
    return [
        AddHttpFrontend(cluster="c", hostname=each.hostname, certificate=each.certificate)
        for each in state.frontends.values()
        if each.certificate is not None
    ]


def test_a_renewal_by_a_whole_configuration_leaves_the_default_to_the_renewed_one(both: ConfigState) -> None:
    renewed = done(ConfigState(), *orders_with(both, A, E)).state

    assert defaults(led(both, renewed)) == [E, E]


def orders_with(state: ConfigState, old: str, new: str) -> list[AnyOrder]:
    return [_renamed(order, old, new) for order in orders_of(state)]


def _renamed(order: AnyOrder, old: str, new: str) -> AnyOrder:
    named = {name: new for name in order.__struct_fields__ if getattr(order, name) == old}
    return type(order)(**{name: getattr(order, name) for name in order.__struct_fields__} | named)


def test_among_thousands_few_change_places(state: ConfigState) -> None:
    many = [added(f"{number:064x}", f"{number}.example") for number in range(1, 3000)]
    before = done(state, *many).state
    again = done(before, RemoveCertificate(fingerprint=A, force=True), added(A, "a.example", "*.a.example")).state

    assert len(diff(again, before)) < 10
    led(again, before)


def test_every_order_of_certificates_for_one_listener_or_all_leads_to_every_other(state: ConfigState) -> None:
    bare = done(state, RemoveCertificate(fingerprint=A, force=True)).state
    some = [added(A, "a.example", listener=HTTPS), added(B, "b.example", listener=OTHER), added(C, "c.example"), added(E, "e.example", listener=HTTPS)]
    states = [done(bare, *order).state for order in permutations(some)]

    for before in states:
        for after in states:
            led(before, after)


def test_a_change_of_places_is_told_and_an_order_that_decides_nothing_is_none(both: ConfigState) -> None:
    again = done(both, RemoveCertificate(fingerprint=A, force=True), added(A, "a.example", "*.a.example"), *pins_of(both)).state
    rows = alterations(commit(again, diff(again, both)).effects)

    assert [str(row) for row in rows] == [
        f"~ certificate {A}  place: its own -> that of {B}",
        f"~ certificate {B}  place: its own -> behind the others",
    ]
    other = done(both, RemoveCertificate(fingerprint=B, force=True), added(B, "b.example"), *pins_of(both)).state
    assert same_facts(both, other)
    assert diff(both, other) == []
