"""A certificate that is to be served no more where a frontend needs it, and one that takes the place of another."""

import msgspec
import pytest

from sozu.command.certificates.terms import BackendTls
from sozu.command.commit import commit
from sozu.command.draft import Draft
from sozu.command.facts import Protocol
from sozu.command.orders import AddCertificate, AddHttpFrontend, AddListener, RemoveCertificate
from sozu.command.rules import carry_out
from sozu.command.state import ConfigState, diff, orders_of, same_facts
from tests.command.certificates.ordering import (
    HTTP,
    HTTPS,
    OTHER,
    A,
    B,
    C,
    added,
    done,
    for_backends,
    refusal,
    replaced,
    showing,
)


def narrowed(fingerprint: str, *names: str, force: bool = False) -> AddCertificate:
    return AddCertificate(certificate="CERT", private_key="KEY", fingerprint=fingerprint, names=names, listeners=(OTHER,), force=force)


def is_replayed(state: ConfigState) -> bool:
    return same_facts(commit(ConfigState(), orders_of(state)).state, state)


def test_one_that_takes_the_place_of_another_stays_where_it_was_served(state: ConfigState) -> None:
    pin = AddHttpFrontend(cluster="c", hostname="b.example", listener=OTHER, certificate=B)
    own = done(state, added(A, "a.example", listener=HTTPS), added(C, "c.example", listener=HTTPS), added(B, "b.example", listener=OTHER), pin).state

    result = done(own, replaced(C, B, "b.example")).state

    assert set(result.certificates[B].listeners) == {HTTPS, OTHER}
    assert [frontend.certificate for frontend in result.frontends.values()] == [None, None, B]
    assert is_replayed(result)
    assert done(own, replaced(A, B, "b.example", force=True)).state.certificates[B].listeners == ()


def test_one_that_takes_the_place_of_what_backends_are_shown_goes_on_to_be_served(state: ConfigState) -> None:
    own = done(state, added(B, "b.example", listener=OTHER), for_backends(C), showing(C)).state

    result = done(own, replaced(C, B, "b.example")).state

    assert result.clusters["tls"].tls == BackendTls(certificate=B)
    assert result.certificates[B].listeners == (OTHER,)
    assert not result.certificates[B].for_backends
    assert done(own, replaced(B, C, "b.example")).state.certificates[C].listeners == (OTHER,)


@pytest.mark.parametrize("listener", [None, HTTPS])
def test_one_that_a_frontend_is_pinned_to_is_not_left_to_backends_alone(state: ConfigState, listener: str | None) -> None:
    pinned = done(state, added(B, "a.example"), AddHttpFrontend(cluster="c", hostname="a.example", listener=listener, certificate=B)).state
    order = for_backends(B, "a.example")
    assert "a frontend is pinned to it where it would not be served any more: a.example/" in refusal(pinned, order)

    forced = done(pinned, msgspec.structs.replace(order, force=True)).state

    assert forced.certificates[B].for_backends
    assert {frontend.certificate for frontend in forced.frontends.values()} == {None}
    assert is_replayed(forced)


def test_one_that_a_frontend_is_pinned_to_does_not_leave_its_listener(state: ConfigState) -> None:
    pinned = done(state, added(B, "a.example"), AddHttpFrontend(cluster="c", hostname="a.example", listener=HTTPS, certificate=B)).state
    reason = "a frontend is pinned to it where it would not be served any more: a.example/ on 127.0.0.1:8443 (force adds it nevertheless)"
    assert refusal(pinned, narrowed(B, "a.example")) == reason

    forced = done(pinned, narrowed(B, "a.example", force=True)).state

    assert forced.certificates[B].listeners == (OTHER,)
    assert {frontend.certificate for frontend in forced.frontends.values()} == {None}
    assert is_replayed(forced)


def test_the_only_cover_of_a_hostname_does_not_leave_its_listener_unless_forced(state: ConfigState) -> None:
    assert "a frontend is without another certificate for its hostname: a.example/" in refusal(state, narrowed(A, "a.example"))
    assert done(state, narrowed(A, "a.example", force=True)).state.certificates[A].listeners == (OTHER,)
    assert done(state, added(B, "a.example"), narrowed(A, "a.example")).state.certificates[A].listeners == (OTHER,)


def test_pins_that_can_stay_do(state: ConfigState) -> None:
    pins = [AddHttpFrontend(cluster="c", hostname="b.example", listener=listener, certificate=B) for listener in (None, OTHER)]
    pinned = done(state, added(B, "b.example"), *pins).state

    result = done(pinned, added(C, "b.example"), narrowed(B, "b.example")).state

    assert [frontend.certificate for frontend in result.frontends.values()] == [None, None, B, B]
    assert is_replayed(result)


def test_what_was_for_backends_is_served_where_it_is_added_and_not_everywhere(state: ConfigState) -> None:
    made = done(state, for_backends(B, "b.example"), added(B, "b.example", listener=OTHER)).state

    assert made.certificates[B].listeners == (OTHER,)


def test_a_listener_that_is_not_there_is_refused_also_for_what_is_served_everywhere(state: ConfigState) -> None:
    order = added(A, "a.example", "*.a.example", listener="127.0.0.1:1")
    assert "there is no listener at 127.0.0.1:1" in refusal(state, order)
    assert "speaks http" in refusal(state, msgspec.structs.replace(order, listener=HTTP))
    draft = Draft(state)
    carry_out(draft, order)  # a journal may hold one
    assert not draft.effects


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.TCP])
def test_a_listener_with_certificates_goes_on_to_speak_tls(state: ConfigState, protocol: Protocol) -> None:
    own = done(state, added(B, "b.example", listener=OTHER)).state
    changed = AddListener(protocol=protocol, address=OTHER)
    assert refusal(own, changed) == f"certificate {B} is for this listener, which is to speak {protocol}: it has to go first"

    plain = done(own, RemoveCertificate(fingerprint=B), changed).state

    assert is_replayed(plain)
    for one, other in ((own, plain), (plain, own)):
        assert same_facts(commit(one, diff(one, other)).state, other)
    assert done(state, changed)  # it has none of its own


def test_a_certificate_may_go_from_one_listener_to_another_that_begins_to_speak_tls(state: ConfigState) -> None:
    here = done(state, added(B, "b.example", listener=OTHER)).state
    plain = AddListener(protocol=Protocol.HTTP, address=OTHER)
    there = done(state, plain, AddListener(protocol=Protocol.HTTPS, address=HTTP), added(B, "b.example", listener=HTTP)).state

    for one, other in ((here, there), (there, here)):
        assert same_facts(commit(one, diff(one, other)).state, other)


def test_a_journal_may_hold_a_listener_that_has_ceased_to_speak_tls(state: ConfigState) -> None:
    draft = Draft(done(state, added(B, "b.example", listener=OTHER)).state)
    carry_out(draft, AddListener(protocol=Protocol.HTTP, address=OTHER))
    held = draft.state(1)

    again = Draft(ConfigState())
    for order in orders_of(held):
        carry_out(again, order)

    assert same_facts(again.state(1), held)
