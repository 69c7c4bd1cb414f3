import errno
import os

import msgspec
import pytest

from sozu.command.certificates.admitting import admit
from sozu.command.commit import Refused
from sozu.command.facts import KeyKind
from sozu.command.orders import AddCertificate, AddCluster, AnyOrder, ReplaceCertificate
from tests.command.certificates.authority import DAY, NOW, Authority, ecdsa, key_pem

ROOT = Authority("Root")
KEY = ecdsa()
LEAF = ROOT.issue(KEY, "a.example")
MOMENT = NOW.timestamp()


def test_what_follows_from_the_texts_is_filled_in_and_not_believed() -> None:
    given = AddCertificate(certificate=LEAF, private_key=key_pem(KEY), listener="l", fingerprint="00", names=("bank.example",), kind=KeyKind.RSA)
    (order,) = admit([given], MOMENT)

    assert isinstance(order, AddCertificate)
    assert (len(order.fingerprint), order.names, order.kind, order.listener) == (64, ("a.example",), KeyKind.ECDSA, "l")
    assert order.not_after == int((NOW + 90 * DAY).timestamp())


def test_where_no_descriptor_is_left_it_is_refused_with_that_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "memfd_create", none_left)
    with pytest.raises(Refused, match="it cannot be handed to OpenSSL: Too many open files"):
        admit([AddCertificate(certificate=LEAF, private_key=key_pem(KEY))], MOMENT)


def test_a_replacement_keeps_the_old_fingerprint_and_gets_the_new_one() -> None:
    (order,) = admit([ReplaceCertificate(fingerprint="old", certificate=LEAF, private_key=key_pem(KEY), replacement="x")], MOMENT)

    assert isinstance(order, ReplaceCertificate)
    assert (order.fingerprint, len(order.replacement)) == ("old", 64)


def test_other_orders_are_let_be() -> None:
    assert admit([AddCluster(cluster="c")], MOMENT) == (AddCluster(cluster="c"),)


@pytest.mark.parametrize(("key", "field"), [("", "key"), (key_pem(ecdsa()), "key")])
def test_a_refusal_names_the_order_and_the_field(key: str, field: str) -> None:
    orders: list[AnyOrder] = [AddCluster(cluster="c"), AddCertificate(certificate=LEAF, private_key=key)]
    with pytest.raises(Refused) as refused:
        admit(orders, MOMENT)

    assert (refused.value.index, refused.value.field) == (1, field)


def test_a_bad_certificate_is_refused_with_its_place() -> None:
    with pytest.raises(Refused, match=r"chain\.0:1: not a certificate") as refused:
        admit([AddCertificate(certificate=LEAF, private_key=key_pem(KEY), chain=("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",))], MOMENT)

    assert refused.value.field == "certificate"


def test_what_was_admitted_is_admitted_again_as_it_is() -> None:
    (once,) = admit([AddCertificate(certificate=LEAF, private_key=key_pem(KEY))], MOMENT)
    assert admit([once], MOMENT) == (once,)


def test_what_has_expired_since_is_admitted_with_force() -> None:
    order = AddCertificate(certificate=LEAF, private_key=key_pem(KEY))
    later = (NOW + 100 * DAY).timestamp()
    with pytest.raises(Refused, match="expired"):
        admit([order], later)
    assert admit([msgspec.structs.replace(order, force=True)], later)


def test_an_order_never_shows_its_key() -> None:
    order = AddCertificate(certificate=LEAF, private_key=key_pem(KEY))
    assert "PRIVATE" not in repr(order) + repr([order]) + repr(ReplaceCertificate(fingerprint="o", certificate=LEAF, private_key=key_pem(KEY)))
