import pytest

from sozu.command.certificates.terms import BackendTls
from sozu.command.commit import Refused, commit
from sozu.command.draft import Change, Draft
from sozu.command.facts import Certificate, Protocol
from sozu.command.orders import (
    AddCertificate,
    AddHttpFrontend,
    AnyOrder,
    RemoveCertificate,
    RemoveHttpFrontend,
    RemoveListener,
)
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


def test_a_certificate_is_kept_as_it_was_examined(state: ConfigState) -> None:
    assert state.certificates[A] == Certificate(
        fingerprint=A, certificate="CERT", private_key="KEY", names=("a.example", "*.a.example")
    )


def test_the_same_again_changes_nothing_and_another_chain_does(state: ConfigState) -> None:
    assert done(state, added(A, "a.example", "*.a.example")).effects == ()
    assert len(done(state, added(A, "a.example", "*.a.example", chain=("MIDDLE",))).effects) == 1


def test_issuers_are_kept_once() -> None:
    middle = ["x" * 2000 for _ in range(2)]
    state = done(ConfigState(), added(A, chain=(middle[0] + "y",)), added(B, chain=(middle[1] + "y",))).state
    assert state.certificates[A].chain[0] is state.certificates[B].chain[0]


def test_what_was_not_examined_is_refused(state: ConfigState) -> None:
    assert refusal(state, AddCertificate(certificate="CERT", private_key="KEY")) == "the certificate has not been examined"


def test_certificates_are_for_https_listeners(state: ConfigState) -> None:
    assert "speaks http, and certificates are for https" in refusal(state, added(B, "b.example", listener=HTTP))
    assert "there is no listener at 127.0.0.1:1" in refusal(state, added(B, "b.example", listener="127.0.0.1:1"))
    assert done(state, added(B, "b.example", listener=HTTPS)).state.certificates[B].listeners == (HTTPS,)


def test_a_listener_with_certificates_of_its_own_stays(state: ConfigState) -> None:
    own = done(state, added(B, "b.example", listener=OTHER)).state
    assert f"certificate {B} is for this listener only" in refusal(own, RemoveListener(protocol=Protocol.HTTPS, address=OTHER))


def test_a_certificate_may_be_for_several_listeners(state: ConfigState) -> None:
    both = done(state, added(B, "b.example", listener=HTTPS), added(B, "b.example", listener=OTHER)).state
    assert both.certificates[B].listeners == (HTTPS, OTHER)
    one = done(both, RemoveListener(protocol=Protocol.HTTPS, address=OTHER)).state
    assert one.certificates[B].listeners == (HTTPS,)
    assert done(both, added(B, "b.example")).state.certificates[B].listeners == ()
    assert done(state, added(A, "a.example", "*.a.example", listener=HTTPS)).effects == ()  # it is everywhere already
    for some, other in ((both, one), (one, both), (state, both), (both, state)):
        assert same_facts(commit(some, diff(some, other)).state, other)


# ---- removing ----


def test_the_only_cover_of_a_hostname_stays_unless_forced(state: ConfigState) -> None:
    assert refusal(state, RemoveCertificate(fingerprint=A)) == (
        "a frontend is without another certificate for its hostname: a.example/ (force removes it nevertheless)"
    )
    two = commit(state, [AddHttpFrontend(cluster="c", hostname="b.a.example")]).state
    assert "2 frontends are without another certificate for their hostname: " in refusal(two, RemoveCertificate(fingerprint=A))
    with pytest.raises(Refused) as refused:
        commit(state, [RemoveCertificate(fingerprint=A)])
    assert refused.value.code == "still-needed"
    assert done(state, RemoveCertificate(fingerprint=A, force=True)).state.certificates == {}


def test_another_cover_lets_it_go(state: ConfigState) -> None:
    assert done(state, added(B, "a.example"), RemoveCertificate(fingerprint=A)).state.certificates.keys() == {B}
    assert done(state, added(B, "a.example", listener=HTTPS), added(C, "a.example", listener=OTHER), RemoveCertificate(fingerprint=A))
    assert refusal(state, added(B, "a.example", listener=HTTPS), RemoveCertificate(fingerprint=A))  # at the other listener nobody would


def test_frontends_of_another_listener_do_not_hold_it(state: ConfigState) -> None:
    orders: list[AnyOrder] = [
        RemoveHttpFrontend(cluster="c", hostname="a.example"),
        AddHttpFrontend(cluster="c", hostname="a.example", listener=HTTP),
        AddHttpFrontend(cluster="c", hostname_regex="a.*"),
        RemoveCertificate(fingerprint=A),
    ]
    assert done(state, *orders).state.certificates == {}


def test_many_frontends_are_named_up_to_a_few(state: ConfigState) -> None:
    frontends = [AddHttpFrontend(cluster="c", hostname="a.example", path=f"/{number}") for number in range(9)]
    reason = refusal(state, *frontends, RemoveCertificate(fingerprint=A))
    assert reason.startswith("10 frontends are without another certificate")
    assert "a.example/, a.example/0, a.example/1, a.example/2, a.example/3 and 5 more" in reason


def test_a_pinned_certificate_stays_and_force_takes_the_pins_off(state: ConfigState) -> None:
    pinned = done(state, added(B, "a.example"), AddHttpFrontend(cluster="c", hostname="a.example", certificate=B)).state
    assert "a frontend is pinned to it: a.example/" in refusal(pinned, RemoveCertificate(fingerprint=B))
    forced = done(pinned, RemoveCertificate(fingerprint=B, force=True)).state
    assert [frontend.certificate for frontend in forced.frontends.values()] == [None, None]


def test_fingerprints_may_be_written_as_tools_write_them(state: ConfigState) -> None:
    colons = ":".join([A[:2].upper()] * 32)
    assert done(state, RemoveCertificate(fingerprint=colons, force=True)).state.certificates == {}
    assert "64 hexadecimal digits" in refusal(state, RemoveCertificate(fingerprint="aa"))
    assert f"did you mean {A!r}" in refusal(state, RemoveCertificate(fingerprint="b" + A[1:])).replace('"', "'")


# ---- pins ----


def test_a_pin_must_fit_the_frontend(state: ConfigState) -> None:
    own = done(state, added(B, "b.example", listener=OTHER)).state
    assert "there is no certificate cccc" in refusal(own, AddHttpFrontend(cluster="c", hostname="a.example", certificate=C))
    assert "this certificate is for b.example, not for a.example" in refusal(own, AddHttpFrontend(cluster="c", hostname="a.example", certificate=B))
    assert "an expression is no name" in refusal(own, AddHttpFrontend(cluster="c", hostname_regex="b.*", certificate=B))
    assert f"is for {OTHER}, and the frontend for {HTTPS}" in refusal(own, AddHttpFrontend(cluster="c", hostname="b.example", listener=HTTPS, certificate=B))
    for hostname in ("b.example", "*"):
        assert done(own, AddHttpFrontend(cluster="c", hostname=hostname, certificate=B))


def test_the_old_way_of_moving_frontends_from_one_certificate_to_another(state: ConfigState) -> None:
    old = done(state, AddHttpFrontend(cluster="c", hostname="a.example", certificate=A)).state
    steps: list[AnyOrder] = [
        added(B, "a.example"),
        AddHttpFrontend(cluster="c", hostname="a.example", certificate=B),
        RemoveHttpFrontend(cluster="c", hostname="a.example", certificate=A),  # it is pinned to the new one by now, and stays
        RemoveCertificate(fingerprint=A),
    ]
    for step in steps:
        old = done(old, step).state
    assert list(old.certificates) == [B]
    assert sorted(frontend.certificate or "" for frontend in old.frontends.values()) == ["", B]


def test_a_frontend_is_removed_with_its_pin(state: ConfigState) -> None:
    pinned = done(state, AddHttpFrontend(cluster="c", hostname="a.example", certificate=A)).state
    gone = done(pinned, RemoveHttpFrontend(cluster="c", hostname="a.example", certificate=A)).state
    assert [frontend.hostname for frontend in gone.frontends.values()] == ["nobody.test"]


# ---- replacing ----


def test_a_replacement_takes_listener_pins_and_place(state: ConfigState) -> None:
    before = done(
        state, added(B, "b.example", listener=OTHER), added(C, "c.example"), AddHttpFrontend(cluster="c", hostname="b.example", certificate=B)
    ).state
    result = done(before, replaced(B, "d" * 64, "b.example"))

    assert list(result.state.certificates) == [A, "d" * 64, C]
    assert result.state.certificates["d" * 64].listeners == (OTHER,)
    assert [frontend.certificate for frontend in result.state.frontends.values()] == [None, None, "d" * 64]
    assert result.effects[0] == Change(before.certificates[B], result.state.certificates["d" * 64])


def test_a_certificate_may_be_replaced_by_itself_and_by_one_that_is_there(state: ConfigState) -> None:
    both = done(state, added(B, "b.example")).state
    assert done(both, replaced(A, A, "a.example")).state.certificates[A].names == ("a.example",)
    assert list(done(both, replaced(A, B, "b.example", force=True)).state.certificates) == [B]
    assert "there is no certificate" in refusal(both, replaced(C, A, "a.example"))


def test_a_replacement_that_leaves_a_frontend_without_a_certificate_is_refused_unless_forced(state: ConfigState) -> None:
    assert refusal(state, replaced(A, B, "b.example")) == (
        "a frontend is without another certificate for its hostname: a.example/ (force replaces it nevertheless)"
    )
    assert done(state, added(C, "a.example"), replaced(A, B, "b.example"))
    assert done(state, replaced(A, B, "a.example"))  # of the names of the old one nobody needs the other
    assert done(state, replaced(A, B, "b.example", force=True)).state.certificates.keys() == {B}


def test_pins_do_not_move_to_a_certificate_that_is_not_for_their_hostname(state: ConfigState) -> None:
    pinned = done(state, added(B, "a.example"), AddHttpFrontend(cluster="c", hostname="a.example", path="/pinned", certificate=B)).state
    assert "pinned to it, and the new one is not for its hostname: a.example/pinned" in refusal(pinned, replaced(B, C, "c.example"))
    forced = done(pinned, replaced(B, C, "c.example", force=True)).state
    assert {frontend.certificate for frontend in forced.frontends.values()} == {None}
    assert same_facts(commit(ConfigState(), orders_of(forced)).state, forced)


def test_a_journal_may_hold_a_replacement_that_would_be_refused_today(state: ConfigState) -> None:
    draft = Draft(state)
    carry_out(draft, replaced(A, B, "b.example"))
    assert draft.certificates.keys() == {B}


def test_the_laws_hold_with_certificates(state: ConfigState) -> None:
    pinned = done(state, added(B, "a.example"), AddHttpFrontend(cluster="c", hostname="a.example", certificate=B)).state
    for one, other in ((state, pinned), (pinned, state), (ConfigState(), pinned), (pinned, ConfigState())):
        assert same_facts(commit(one, diff(one, other)).state, other)
    assert same_facts(commit(ConfigState(), orders_of(pinned)).state, pinned)


def test_a_cluster_shows_a_certificate_that_is_there(state: ConfigState) -> None:
    assert "there is no certificate" in refusal(state, showing(B))
    made = done(state, for_backends(B), showing(f"{B[:2].upper()}:{B[2:]}")).state
    assert made.clusters["tls"].tls == BackendTls(certificate=B)
    assert same_facts(commit(ConfigState(), orders_of(made)).state, made)
    assert same_facts(commit(state, diff(state, made)).state, made)
    assert same_facts(commit(made, diff(made, state)).state, state)


def test_what_backends_are_shown_is_replaced_in_place_and_not_removed(state: ConfigState) -> None:
    made = done(state, for_backends(B), showing(B)).state
    assert "cluster tls shows it to its backends" in refusal(made, RemoveCertificate(fingerprint=B))
    after = done(made, replaced(B, C)).state
    assert after.clusters["tls"].tls == BackendTls(certificate=C)
    assert after.certificates[C].for_backends
    assert done(made, RemoveCertificate(fingerprint=B, force=True)).state.clusters["tls"].tls == BackendTls()


def test_what_is_for_backends_is_served_nowhere(state: ConfigState) -> None:
    order = AddCertificate(certificate="CERT", private_key="KEY", fingerprint=B, for_backends=True, listener=HTTPS)
    assert "served at no listener" in refusal(state, order)
    pinned = AddHttpFrontend(cluster="c", hostname="a.example", certificate=B)
    assert "for backends only" in refusal(state, for_backends(B, "a.example"), pinned)
    assert "is without another certificate" in refusal(state, for_backends(B, "a.example"), RemoveCertificate(fingerprint=A))
    assert "no name that a client could ask for" in refusal(state, replaced(A, B))
