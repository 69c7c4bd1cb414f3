"""Handing a certificate and its key to OpenSSL, which reads only files: one that is memory of this process, and has no name.

So no key is ever in a file system, and a process that may open no file can still load one (`/proc/self/fd` leads to what it has open already).
"""

import os
import ssl

from sozu.command.certificates.pem import BadCertificate, Flaw
from sozu.command.facts import Certificate


def load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Have the context serve this certificate, beside those of other kinds of keys that it has. Raises BadCertificate."""
    # The served one stands first and the chain behind it: OpenSSL takes the first for the leaf, and sends the others in the order
    # of the file.
    text = "".join((certificate.certificate, *certificate.chain, certificate.private_key))
    try:
        _load(context, text.encode("ascii"))
    except ssl.SSLError as error:
        # Only the reason's name, never the whole error: nothing that could quote the text goes into a message.
        why = error.reason or "unknown reason"
        raise BadCertificate(Flaw("certificate", f"OpenSSL does not take it: {why.lower().replace('_', ' ')}")) from None
    except OSError as error:  # no descriptor is left, as a rule
        raise BadCertificate(Flaw("certificate", f"it cannot be handed to OpenSSL: {error.strerror}")) from None


def _load(context: ssl.SSLContext, text: bytes) -> None:
    memory = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        # The block flushes and leaves the descriptor open. The path below opens the memory anew, and so reads from its beginning
        # whatever the offset is here; closed before, there would be nothing left to open.
        with os.fdopen(memory, "wb", closefd=False) as file:
            file.write(text)
        context.load_cert_chain(f"/proc/self/fd/{memory}")
    finally:
        # On every path: left open it would keep a private key in memory, and be one descriptor less for connections.
        os.close(memory)


def try_to_load(certificate: Certificate) -> None:
    """Could workers load it? Asked before it is committed. Raises BadCertificate."""
    # A context as workers make theirs, with the machine's security level: what OpenSSL takes here, it takes there.
    load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate)
