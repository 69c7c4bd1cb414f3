"""Whom the system trusts: the file with its authorities, opened while this process may still open files.

A confined worker may open nothing, and OpenSSL looks for authorities only when it meets a certificate. So the file is held open from the import on, and
read when a cluster first wants it. What is installed later counts for the next worker.
"""

from collections.abc import Iterator
from contextlib import suppress
import os
import ssl
from typing import Final

# Python asks OpenSSL where the file is; one that was built elsewhere (a wheel, pyenv) names a folder that this machine has not.
ELSEWHERE: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def trust_system(context: ssl.SSLContext) -> None:
    """Have the context trust whom the system trusts."""
    # It finds nothing in a confined worker, and does not complain: folders of authorities are opened when a certificate is to be verified.
    context.load_default_certs()  # all that there is, where files may be opened
    bundle = _read(BUNDLE) if BUNDLE is not None else ""
    if bundle:
        with suppress(ssl.SSLError):  # no certificate in it: nobody is trusted, which each handshake will say
            context.load_verify_locations(cadata=bundle)


def _read(descriptor: int) -> str:
    # Not read(2), whose place in the file the next cluster would find at its end. "ignore": bundles have comments, in any language.
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("ascii", "ignore")


def _places() -> Iterator[str]:
    found = ssl.get_default_verify_paths().cafile
    return iter((found, *ELSEWHERE) if found is not None else ELSEWHERE)


def _opened() -> int | None:
    for place in _places():
        with suppress(OSError):
            return os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    return None


BUNDLE: Final = _opened()
