"""What orders may do to certificates, and frontends with them. Pure: what is in a certificate was read before (sozu.command.certificates.admitting)."""

from collections.abc import Collection, Iterable, Iterator
import re
from sys import intern
from typing import Final

import msgspec

from sozu.command.certificates.names import STAR, covers
from sozu.command.certificates.table import serves
from sozu.command.draft import Draft
from sozu.command.facts import Certificate, Cluster, Frontend, Protocol
from sozu.command.nearest import did_you_mean
from sozu.command.orders import AddCertificate, AddListener, RemoveCertificate, ReplaceCertificate
from sozu.command.rules.known import known_listener
from sozu.command.rules.names import frontend_name
from sozu.command.rules.objections import Objection, Unknown
from sozu.command.rules.spellings import address_in

SHA256_HEX: Final = 64  # letters
# A wildcard may hold up thousands of frontends: a few of them, and how many more, fit into a line.
MOST_NAMED: Final = 5
EVERY_HOST: Final = "*"


def add_certificate(draft: Draft, order: AddCertificate) -> None:
    """Serve one more, or one that is there at another listener too or with another chain; pins that it can no longer keep are taken off."""
    after = _added(draft, order)
    # `check_addition` has asked whether they may go. Here, because they must not stay: a pin that the rules would refuse is one that no start gets over.
    pinned = [frontend for frontend in _pinned_to(draft, after.fingerprint) if not _is_served(after, frontend)] if _narrows(draft, after) else []
    draft.put(after)
    _pin_anew(draft, pinned, None)


def check_addition(draft: Draft, order: AddCertificate) -> None:
    """Is it for listeners that can serve it, and does it stay where frontends need it? Asked of new orders only, as below. Raises Objection."""
    after = _added(draft, order)
    for address in (*after.listeners, *_listener_of(order)):
        protocol = known_listener(draft, address, "listener").protocol
        if protocol is not Protocol.HTTPS:
            raise Objection(f"the listener at {address} speaks {protocol}, and certificates are for https", "listener")
    if order.force or not _narrows(draft, after):
        return
    before = draft.certificates[after.fingerprint]
    pinned = [frontend for frontend in _pinned_to(draft, after.fingerprint) if not _is_served(after, frontend)]
    _refuse_if_any("pinned to it where it would not be served any more", pinned, "adds")
    _refuse_if_any("without another certificate for {its} hostname", list(_left_alone(draft, before, after)), "adds")


def check_listener(draft: Draft, order: AddListener) -> None:
    """Does it go on to speak TLS while it has certificates of its own? Asked of new orders only, as below. Raises Objection."""
    address = address_in(order.address)
    held = draft.listeners.get(address)
    if held is None or held.protocol is not Protocol.HTTPS or order.protocol is Protocol.HTTPS:
        return
    for certificate in draft.certificates.values():
        if address in certificate.listeners:
            raise Objection(f"certificate {certificate.fingerprint} is for this listener, which is to speak {order.protocol}: it has to go first")


def leave_listener(draft: Draft, address: str) -> None:
    """A listener goes: its certificates are for the others that they name. Refused where it is the only one."""
    bound = [certificate for certificate in draft.certificates.values() if address in certificate.listeners]
    # Asked of all before any is put: a rule that objects has changed nothing (see `carry_out`). An empty list of listeners would mean "all of them",
    # so the last listener cannot simply be taken out of it.
    for certificate in bound:
        if certificate.listeners == (address,):
            raise Objection(f"certificate {certificate.fingerprint} is for this listener only")
    for certificate in bound:
        draft.put(msgspec.structs.replace(certificate, listeners=tuple(each for each in certificate.listeners if each != address)))


def check_replacement(draft: Draft, order: ReplaceCertificate) -> None:
    """Does the new one cover what frontends need the old one for? Asked of new orders only: a journal may hold older ones, and is obeyed. Raises Objection."""
    before = _known(draft, order.fingerprint)
    # Nearly every replacement is a renewal with the same names: that is seen here, without a look at ten thousand frontends. One without any name is
    # refused by the rule itself, in its own words.
    if order.force or before.for_backends or not order.names or all(covers(order.names, name) for name in before.names):
        return
    pinned = [frontend for frontend in _pinned_to(draft, before.fingerprint) if not _is_for(order.names, frontend)]
    _refuse_if_any("pinned to it, and the new one is not for {its} hostname", pinned, "replaces")
    alone = list(_left_alone(draft, before, _replacing(draft, order, before)))
    _refuse_if_any("without another certificate for {its} hostname", alone, "replaces")


def replace_certificate(draft: Draft, order: ReplaceCertificate) -> None:
    """Serve another in the place of one, for its listener and the frontends pinned to it; pins that cannot be to the new one are taken off."""
    before = _known(draft, order.fingerprint)
    after = _replacing(draft, order, before)
    if not (after.names or after.for_backends):
        raise Objection("the certificate has no name that a client could ask for", "certificate")
    # The same certificate with another chain, say: its key stays, and with it the pins.
    if after.fingerprint == before.fingerprint:
        draft.put(after)
        return
    # If the new one is there already it is taken first: the table has one fact for a fingerprint, and it is to stand in the place of the old one.
    # That place counts: the first certificate of a listener is its default.
    held = draft.certificates.get(after.fingerprint)
    if held is not None:
        draft.take(held)
    draft.replace(before, after)
    for frontend in _pinned_to(draft, before.fingerprint):
        _pin_anew(draft, [frontend], after.fingerprint if _is_for(after.names, frontend) else None)
    _name_anew(draft, _naming(draft, before.fingerprint), after.fingerprint)


def remove_certificate(draft: Draft, order: RemoveCertificate) -> None:
    """Refused while a frontend needs it; with `force` its pins are taken off too."""
    certificate = _known(draft, order.fingerprint)
    pinned, naming = _pinned_to(draft, certificate.fingerprint), _naming(draft, certificate.fingerprint)
    if not order.force:
        if naming:
            raise Objection(f"cluster {naming[0].cluster} shows it to its backends (force removes it nevertheless)")
        _refuse_if_any("pinned to it", pinned, "removes")
        _refuse_if_any("without another certificate for {its} hostname", list(_left_alone(draft, certificate)), "removes")
    # Before the certificate goes: what names it lets go of it in the same transaction, so no state has a pin to nothing.
    _pin_anew(draft, pinned, None)
    _name_anew(draft, naming, None)
    draft.take(certificate)


def fingerprint_in(text: str, field: str = "fingerprint") -> str:
    """A fingerprint as the state spells it: SHA-256 in lower-case hex, without the colons that some tools write. Raises Objection."""
    # `openssl x509 -fingerprint` writes colons and capitals; who pastes that means the same.
    plain = text.replace(":", "").lower()
    # A message holds the beginning alone: what stands in the wrong field may be as long as a request, which is 2 MiB.
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise Objection(f'"{text[:80]}" is not a fingerprint: {SHA256_HEX} hexadecimal digits of the certificate\'s SHA-256', field)
    return plain


def shown_certificate(draft: Draft, text: str) -> str:
    """The fingerprint of a certificate that is there, which backends are to be shown. Raises Objection."""
    return _known(draft, text, "tls.certificate").fingerprint


def check_pin(draft: Draft, frontend: Frontend) -> None:
    """May the frontend be pinned to this certificate? Raises Objection."""
    assert frontend.certificate is not None, "it has a pin"
    certificate = _known(draft, frontend.certificate, "certificate")
    if certificate.for_backends:
        raise Objection("this certificate is for backends only", "certificate")
    # A handshake at that listener would never be given this one, and the pin would be a promise that nothing keeps.
    if frontend.listener is not None and not serves(certificate, frontend.listener):
        raise Objection(f"this certificate is for {', '.join(certificate.listeners)}, and the frontend for {frontend.listener}", "certificate")
    if frontend.hostname_regex is not None:
        raise Objection("a pin needs a hostname: an expression is no name that a handshake could ask for", "certificate")
    if not _is_for(certificate.names, frontend):
        raise Objection(f"this certificate is for {', '.join(certificate.names)}, not for {frontend.hostname}", "certificate")


def _is_for(names: Collection[str], frontend: Frontend) -> bool:
    # No client asks for "*": pinned there, it is what those get whose name nobody has, so any certificate will do.
    return frontend.hostname == EVERY_HOST or covers(names, frontend.hostname)


def _known(draft: Draft, text: str, field: str = "fingerprint") -> Certificate:
    # The draft is asked by the one spelling; `_pinned_to` and `_naming` below compare with it, so facts hold no other.
    fingerprint = fingerprint_in(text, field)
    certificate = draft.certificates.get(fingerprint)
    if certificate is None:
        way = "; it has to be added first: in a file, by `certificates` of a listener" if field == "certificate" else ""
        raise Unknown(f"there is no certificate {fingerprint}{did_you_mean(fingerprint, draft.certificates)}{way}", field)
    return certificate


def _added(draft: Draft, order: AddCertificate) -> Certificate:
    """What an order makes of the certificate. Raises Objection."""
    held = draft.certificates.get(order.fingerprint)
    listeners = tuple(address_in(each, "listeners") for each in order.listeners)
    if order.listener is not None:
        # One that is for all listeners stays so: to name one of them must never take it from the others. Else the new listener joins those before,
        # each once, so that the same order twice has no effect.
        everywhere = held is not None and not held.listeners and not held.for_backends
        before = held.listeners if held is not None else ()
        listeners = () if everywhere else tuple(dict.fromkeys((*before, *_listener_of(order))))
    for address in listeners:
        known_listener(draft, address, "listener")
    # Backends are shown it by clusters that name it, and it need not even have a name that a client could ask for.
    if order.for_backends and listeners:
        raise Objection("what is for backends is served at no listener", "for_backends")
    return _fact(order, order.fingerprint, listeners)


def _listener_of(order: AddCertificate) -> tuple[str, ...]:
    return () if order.listener is None else (address_in(order.listener, "listener"),)


def _replacing(draft: Draft, order: ReplaceCertificate, before: Certificate) -> Certificate:
    """What an order puts in the place of `before`. Raises Objection."""
    after = msgspec.structs.replace(_fact(order, order.replacement, before.listeners), for_backends=before.for_backends)
    held = draft.certificates.get(after.fingerprint)
    # One that is there already goes on to be served where it was: pins and listeners of its own rely on it.
    if held is None or held.for_backends:
        return after
    if before.for_backends:
        return msgspec.structs.replace(after, listeners=held.listeners, for_backends=False)
    everywhere = not (before.listeners and held.listeners)
    return msgspec.structs.replace(after, listeners=() if everywhere else tuple(dict.fromkeys((*before.listeners, *held.listeners))))


def _narrows(draft: Draft, after: Certificate) -> bool:
    """Is it to be served no more where it was? Not so for nearly all, and then no frontend has to be looked at."""
    before = draft.certificates.get(after.fingerprint)
    if before is None or before.for_backends:
        return False
    return after.for_backends or (bool(after.listeners) and not (before.listeners and set(before.listeners) <= set(after.listeners)))


def _is_served(certificate: Certificate, frontend: Frontend) -> bool:
    """Can the frontend be pinned to it, as far as listeners go?"""
    return not certificate.for_backends and (frontend.listener is None or serves(certificate, frontend.listener))


def _fact(order: AddCertificate | ReplaceCertificate, fingerprint: str, listeners: tuple[str, ...]) -> Certificate:
    # A tool leaves it empty and the master fills it in (admitting.py). Seen here, an order has gone around that door.
    if not fingerprint:
        raise Objection("the certificate has not been examined", "certificate")
    return Certificate(
        fingerprint=fingerprint_in(fingerprint),
        certificate=order.certificate,
        private_key=order.private_key,
        chain=tuple(map(intern, order.chain)),  # ten thousand certificates have few issuers
        listeners=listeners,
        for_backends=order.for_backends,
        names=order.names,
        kind=order.kind,
        not_before=order.not_before,
        not_after=order.not_after,
    )


# ---- frontends ----


def _pinned_to(draft: Draft, fingerprint: str) -> list[Frontend]:
    return [frontend for frontend in draft.frontends.values() if frontend.certificate == fingerprint]


def _pin_anew(draft: Draft, frontends: Iterable[Frontend], fingerprint: str | None) -> None:
    for frontend in frontends:
        draft.put(msgspec.structs.replace(frontend, certificate=fingerprint))


def _naming(draft: Draft, fingerprint: str) -> list[Cluster]:
    return [cluster for cluster in draft.clusters.values() if cluster.tls is not None and cluster.tls.certificate == fingerprint]


def _name_anew(draft: Draft, clusters: Iterable[Cluster], fingerprint: str | None) -> None:
    for cluster in clusters:
        assert cluster.tls is not None, "it names one"
        draft.put(msgspec.structs.replace(cluster, tls=msgspec.structs.replace(cluster.tls, certificate=fingerprint)))


def _left_alone(draft: Draft, going: Certificate, *come: Certificate) -> Iterator[Frontend]:
    """Frontends whose hostname the certificate covers at some https listener, where no other does."""
    # Frontends are asked first: only if one needs the certificate that goes, all others have to be looked at.
    needing = list(_covered_by(going, draft.frontends.values()))
    others = [*(one for one in draft.certificates.values() if one is not going), *come] if needing else []
    addresses = [listener.address for listener in draft.listeners.values() if listener.protocol is Protocol.HTTPS]
    for frontend in needing:
        # Listener by listener: another certificate with the same names is no help where it is not served.
        places = [address for address in addresses if frontend.listener in (None, address) and serves(going, address)]
        if any(not _is_covered(others, frontend.hostname, address) for address in places):
            yield frontend


def _covered_by(certificate: Certificate, frontends: Iterable[Frontend]) -> Iterator[Frontend]:
    """Those that it may be served for. What nearly all are not is asked first: there may be ten thousand, and workers ask this too."""
    names, parents = set(certificate.names), {name[2:] for name in certificate.names if name.startswith(STAR)}
    for frontend in frontends:
        hostname = frontend.hostname
        # Two look-ups in sets for each frontend, against `covers`, which makes the patterns of a name anew. It may be too wide (an IP address has no
        # parent domain), never too narrow.
        is_likely = hostname in names or hostname.partition(".")[2] in parents
        if is_likely and frontend.hostname_regex is None and not frontend.passthrough and covers(names, hostname):
            yield frontend


def _is_covered(certificates: Iterable[Certificate], hostname: str, address: str) -> bool:
    return any(serves(one, address) and covers(one.names, hostname) for one in certificates)


def _refuse_if_any(why: str, frontends: list[Frontend], anyway: str) -> None:
    if frontends:
        named = ", ".join(map(frontend_name, frontends[:MOST_NAMED]))
        more = f" and {len(frontends) - MOST_NAMED} more" if len(frontends) > MOST_NAMED else ""
        are, its = ("a frontend is", "its") if len(frontends) == 1 else (f"{len(frontends)} frontends are", "their")
        raise Objection(f"{are} {why.format(its=its)}: {named}{more} (force {anyway} it nevertheless)")
