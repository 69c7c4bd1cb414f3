"""What OpenSSL can and Python's ssl module does not offer: shared ticket keys, no cache of sessions, groups and ciphers in an order.

The one file with ctypes. It calls the very library that `_ssl` is linked with, on the SSL_CTX inside an ssl.SSLContext,
which is where CPython has put it since 3.2: right behind the object's header. `probe` checks all of this on a context made for it, before anything is believed: the
version of the library, that the pointer leads into memory of ours, and that what the library says of it is what Python says. Where it fails,
`None` comes back: TLS works then, without resumption, and `status` says so.
"""

import _ssl
import ctypes
from pathlib import Path
import ssl
import sys
from typing import Final

# Numbers of macros: what C programs call SSL_CTX_set_tlsext_ticket_keys is no function of the library's, and cannot be looked up by name.
SET_TICKET_KEYS: Final = 59  # SSL_CTRL_SET_TLSEXT_TICKET_KEYS and others, from openssl/ssl.h
SET_CACHE_MODE: Final = 44
SET_GROUPS_LIST: Final = 92
# A cache is one process's, and each client has its ticket: kept here it would be memory for which no other worker has a use.
CACHE_OFF: Final = 0
TICKET_KEYS_SIZE: Final = 80  # bytes: a name of 16, a key of 32 to sign and one of 32 to encrypt with
# The pointer's place is CPython's own affair, and may change with any version: one that nobody has looked at gets no tickets instead of a crash.
KNOWN: Final = ((3, 11), (3, 14))  # versions of CPython whose SSLContext was looked at
TICKET_SECONDS: Final = 7200


class Unsupported(Exception):
    """OpenSSL refused a setting; the text names it."""


class Library:
    """The functions, on contexts of Python's."""

    __slots__ = ("_control", "_set_suites", "_set_timeout")

    def __init__(self, library: ctypes.CDLL) -> None:
        self._control = library.SSL_CTX_ctrl
        self._control.restype = ctypes.c_long
        # Without them ctypes would cut the pointer to 32 bits. That is a crash on the first machine whose heap lies higher.
        self._control.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p)
        self._set_timeout = library.SSL_CTX_set_timeout
        self._set_timeout.restype = ctypes.c_long
        self._set_timeout.argtypes = (ctypes.c_void_p, ctypes.c_long)
        self._set_suites = library.SSL_CTX_set_ciphersuites
        self._set_suites.restype, self._set_suites.argtypes = ctypes.c_int, (ctypes.c_void_p, ctypes.c_char_p)

    def resume_by_tickets(self, context: ssl.SSLContext, keys: bytes) -> None:
        """Resume sessions by tickets that are sealed with these keys, whoever made them, for two hours; remember none here."""
        pointer = _pointer(context)
        # The library checks the size that goes along: it was 48 bytes in OpenSSL 1.0.
        if self._control(pointer, SET_TICKET_KEYS, len(keys), keys) != 1:
            raise Unsupported("ticket keys")
        self._control(pointer, SET_CACHE_MODE, CACHE_OFF, None)
        self._set_timeout(pointer, TICKET_SECONDS)

    def set_groups(self, context: ssl.SSLContext, groups: str) -> None:
        """Agree on keys in these groups only: their names with colons between them, best first. Raises Unsupported."""
        if self._control(_pointer(context), SET_GROUPS_LIST, 0, groups.encode("ascii")) != 1:
            raise Unsupported(f"groups {groups}")

    def set_suites(self, context: ssl.SSLContext, suites: str) -> None:
        """Of the ciphers of TLS 1.3 use these only: their names with colons between them, best first. Raises Unsupported."""
        if self._set_suites(_pointer(context), suites.encode("ascii")) != 1:
            raise Unsupported(f"ciphers {suites}")

    def ticket_keys_size(self, context: ssl.SSLContext) -> int:
        """How many bytes ticket keys have in this library."""
        return int(self._control(_pointer(context), SET_TICKET_KEYS, 0, None))


def probe() -> Library | None:
    """The library, if it is what we think it is."""
    if sys.implementation.name != "cpython" or not KNOWN[0] <= sys.version_info[:2] <= KNOWN[1]:
        return None
    try:
        # By way of `_ssl` and not by the name of a library: a process may have several, and a context of the one in the hands of
        # another is memory that is misread. Without a file `_ssl` is part of the interpreter, whose own symbols `None` stands for.
        found = ctypes.CDLL(getattr(_ssl, "__file__", None))  # symbols are looked for in what it is linked with too
        library = Library(found)
        sound = _is_pythons(found) and _agrees(found)
    # A library that stands in for OpenSSL (LibreSSL, BoringSSL) may lack a function; or /proc is not there.
    except (OSError, AttributeError):
        return None
    # With no buffer the library tells the size that it wants: the last thing that has to be as we think, before keys are written there.
    return library if sound and library.ticket_keys_size(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)) == TICKET_KEYS_SIZE else None


def _is_pythons(found: ctypes.CDLL) -> bool:
    found.OpenSSL_version_num.restype = ctypes.c_ulong
    return bool(found.OpenSSL_version_num() == ssl.OPENSSL_VERSION_NUMBER)


def _agrees(found: ctypes.CDLL) -> bool:
    """Does the library read the same options from the pointer as Python, before and after they are changed?"""
    options = found.SSL_CTX_get_options
    options.restype, options.argtypes = ctypes.c_uint64, (ctypes.c_void_p,)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # In this order: first whether the address may be read at all, then what it says.
    if not _is_ours(_pointer(context)) or options(_pointer(context)) != context.options:
        return False
    # Equal once might be chance, since options that nobody has set are the same everywhere. Changed by the one and seen by the other, it is the same object.
    context.options |= ssl.OP_NO_TICKET
    return bool(options(_pointer(context)) == context.options)


def _pointer(context: ssl.SSLContext) -> int:
    # `__basicsize__` of the plainest object is the header, also where a build has a longer one (with debugging, without the lock).
    return ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value or 0


def _is_ours(address: int) -> bool:
    """Is that memory which may be read and written? Else to follow the pointer would be the end of us."""
    # Asked of the kernel, since to try it out would be a signal that no Python code survives. A confined worker may read it: this runs behind the sandbox.
    for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines():
        span, rights = line.split()[:2]
        start, end = (int(part, 16) for part in span.split("-"))
        if start <= address < end:
            return rights.startswith("rw")
    return False
