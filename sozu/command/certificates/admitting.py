"""Taking certificates in: orders as tools send them become orders that are complete, or are refused. Where an order comes in from outside, and nowhere else.

What follows from the texts (names, kind, validity, fingerprint) is worked out here and believed ever after; whatever a tool says of it is not looked at.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from sozu.command.certificates.loading import try_to_load
from sozu.command.certificates.pem import BadCertificate, Source
from sozu.command.commit import Refused
from sozu.command.facts import Certificate
from sozu.command.orders import AddCertificate, AnyOrder, ReplaceCertificate


def admit(orders: Sequence[AnyOrder], now: float) -> tuple[AnyOrder, ...]:
    """The same orders, complete; `now` in seconds since 1970. Raises Refused at the first certificate that is none. A millisecond for each."""
    # The orders of `apply`, `rollback` and `load_state` come by here too, with certificates that were admitted long ago: they have
    # to come out as they went in. They do, since a fact's texts are in the one spelling that `examine` gives, and `state.addition`
    # sets `force`.
    return tuple(_admitted(index, order, now) if holds_certificate(order) else order for index, order in enumerate(orders))


def holds_certificate(order: AnyOrder) -> bool:
    """Is there something to examine in it?"""
    return isinstance(order, AddCertificate | ReplaceCertificate)


def _admitted(index: int, order: AnyOrder, now: float) -> AnyOrder:
    assert isinstance(order, AddCertificate | ReplaceCertificate), "asked before"
    try:
        return complete(order, now)
    except BadCertificate as bad:
        # A refusal names one field, so it is that of the first flaw. `examine` calls its texts by the fields of the order: the
        # source tells.
        raise Refused(index, order, str(bad), "key" if bad.flaws[0].source == "key" else "certificate") from bad


def complete(order: AddCertificate | ReplaceCertificate, now: float) -> AnyOrder:
    """One order, complete. Raises BadCertificate."""
    from sozu.command.certificates.examining import examine  # a tenth of the master's start would go into importing it

    chain = [Source(f"chain.{index}", text) for index, text in enumerate(order.chain)]
    texts = Source("certificate", order.certificate), Source("key", order.private_key)
    fact = examine(*texts, chain, now=datetime.fromtimestamp(now, UTC), force=order.force, for_backends=order.for_backends)
    # Last, and before the commit: OpenSSL refuses things that nothing here looks at, such as an intermediate that is signed with
    # SHA-1 ("ca md too weak"). Found by a worker it would be found after the fsync, where nothing may fail any more.
    try_to_load(fact)
    fingerprint = {"fingerprint" if isinstance(order, AddCertificate) else "replacement": fact.fingerprint}
    return msgspec.structs.replace(order, **fingerprint, **_texts(fact), **_found(fact))


def _texts(fact: Certificate) -> dict[str, object]:
    # The key's text is replaced as well: two spellings of one key (PKCS #1 and PKCS #8) must not make two different facts.
    return {"certificate": fact.certificate, "private_key": fact.private_key, "chain": fact.chain}


def _found(fact: Certificate) -> dict[str, object]:
    return {"names": fact.names, "kind": fact.kind, "not_before": fact.not_before, "not_after": fact.not_after}
