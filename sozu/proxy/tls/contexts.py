"""OpenSSL's contexts: made when a handshake first needs one, kept while they are used.

One costs 21 KiB and a millisecond, mostly for reading the key. Most of ten thousand certificates are asked for rarely, so the least used make room.
What is not said in a listener's terms is Mozilla's intermediate profile, version 5.7, without its last resort, finite-field Diffie-Hellman.

Tickets of all workers are sealed with keys that follow from one secret, the certificates and the terms: so a session goes on in another worker, and
never with another certificate or where clients have to show one. The secret becomes another one twice a day (sozu.command.certificates.sealing).
"""

from collections import OrderedDict
from collections.abc import Collection
from hashlib import shake_256
import ssl
from typing import Final

from sozu.command.certificates.loading import load
from sozu.command.certificates.sealing import TicketSecret
from sozu.command.certificates.terms import ClientCertificates, Tls, TlsVersion
from sozu.command.facts import Certificate
from sozu.proxy.tls.choosing import key_of, shown_by
from sozu.proxy.tls.openssl import TICKET_KEYS_SIZE, Library

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
# In TLS 1.3 the hash goes with the cipher, and a handshake hashes much: with SHA-256, for which processors have instructions, it costs 14 of 160 us less.
SUITES: Final = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
GROUPS: Final = "X25519:P-256:P-384"
PRIORITIZE_CHACHA: Final = 1 << 21  # SSL_OP_PRIORITIZE_CHACHA: who puts ChaCha20 first has no hardware for AES, and gets it
# Without "h2": a client that was promised it would speak it.
PROTOCOLS: Final = ("http/1.1",)
MOST: Final = 1024  # contexts: about 20 MB
VERSIONS: Final = {TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3}
VERIFY: Final = {
    ClientCertificates.NONE: ssl.CERT_NONE,
    ClientCertificates.OPTIONAL: ssl.CERT_OPTIONAL,
    ClientCertificates.REQUIRED: ssl.CERT_REQUIRED,
}


class Contexts:
    """The contexts of a worker, by certificates and terms."""

    __slots__ = ("_contexts", "_library", "_most", "_secret")

    def __init__(self, library: Library | None, secret: TicketSecret, most: int = MOST) -> None:
        """Without a library, or with an empty secret, no session is resumed."""
        self._library = library
        self._secret = secret
        self._most = most
        self._contexts: OrderedDict[bytes, ssl.SSLContext] = OrderedDict()

    def __len__(self) -> int:
        """How many there are now."""
        return len(self._contexts)

    def of(self, certificates: tuple[Certificate, ...], terms: Tls, key: bytes = b"") -> ssl.SSLContext:
        """The context that serves these (one of each kind of key), by their key. Raises BadCertificate, ssl.SSLError or Unsupported if they cannot be served so."""
        # Handed in where it was made with the choice: terms are not encoded again for each handshake.
        key = key or key_of(certificates, terms)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = self._made(certificates, terms, key)
            if len(self._contexts) > self._most:
                # Connections that are open keep theirs: a context lives as long as anything that was made of it.
                self._contexts.popitem(last=False)
        else:
            self._contexts.move_to_end(key)
        return context

    def forget(self, fingerprints: Collection[str]) -> None:
        """These certificates are not served any more."""
        # A private key that was taken back should not be in a worker's memory until a thousand others have been asked for.
        for key in [key for key in self._contexts if any(shown in fingerprints for shown in shown_by(key))]:
            del self._contexts[key]

    def age(self, now: float) -> None:
        """The secret ages, by the clock (seconds since 1970): tickets that older keys have sealed are not good any more."""
        if self._secret.age(now) and self._library is not None:
            for key, context in self._contexts.items():
                self._seal(self._library, context, key)

    def _seal(self, library: Library, context: ssl.SSLContext, bound_to: bytes) -> None:
        # A key for each set of certificates and terms, by a hash that has the secret in front:
        # from the keys of one listener nobody gets to those of another, nor back to the secret.
        library.resume_by_tickets(context, shake_256(self._secret.value + bound_to).digest(TICKET_KEYS_SIZE))

    def _made(self, certificates: tuple[Certificate, ...], terms: Tls, bound_to: bytes) -> ssl.SSLContext:
        context = server_context(terms, self._library)
        for certificate in certificates:
            load(context, certificate)
        if self._library is not None and self._secret.value:
            # Not OpenSSL's two: a client that keeps its connection needs none, and one that comes back needs one.
            context.num_tickets = 1
            self._seal(self._library, context, bound_to)
        else:
            # Both lines are needed: with OP_NO_TICKET alone OpenSSL goes on resuming in
            # TLS 1.3, from its own cache, and with no number of tickets alone in 1.2.
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
        return context


def server_context(terms: Tls, library: Library | None) -> ssl.SSLContext:
    """A context for these terms, without a certificate. Raises ssl.SSLError or Unsupported."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[terms.min_version]
    # A client that negotiates anew on one connection has us sign again and again (CVE-2011-1473); and what
    # is compressed tells its length, by which secrets beside an attacker's text can be guessed (CRIME).
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | PRIORITIZE_CHACHA  # a client's order might prefer RSA
    context.set_ciphers(terms.ciphers or CIPHERS)
    context.set_alpn_protocols(PROTOCOLS)
    if library is not None:
        # Python has no way to name the suites of TLS 1.3; without the library they stay in OpenSSL's order, which is safe and a little dearer.
        library.set_suites(context, SUITES)
        library.set_groups(context, terms.groups or GROUPS)
    if terms.client_ca is not None:
        context.verify_mode = VERIFY[terms.client_certificates]
        context.load_verify_locations(cadata=terms.client_ca)
    return context
