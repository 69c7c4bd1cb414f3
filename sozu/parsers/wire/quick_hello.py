"""The ClientHello of nearly every client, read in a twentieth of the time: each handshake begins with one, also those that come to nothing.

hello_message.py says what a hello is; here is the same by offsets, for those in which nothing is in doubt. None means: ask the grammar. That both
say the same of every message is tested on real ones, cut and bent in every way (tests/parsers/wire/test_quick_hello.py).
"""

from __future__ import annotations

from struct import Struct, error
from typing import TYPE_CHECKING, Final

from sozu.parsers.abnf import ALPHA, DIGIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sozu.parsers.result import Bytes

SESSION_ID: Final = 34  # where its length is: behind the version and the random
LONGEST_SESSION_ID: Final = 32
MOST_EXTENSIONS: Final = 64
MOST_PROTOCOLS: Final = 32
LONGEST_NAME: Final = 255
HOST: Final = ALPHA + DIGIT + b"-._"
SERVER_NAME, ALPN, SUPPORTED_VERSIONS, ENCRYPTED_CLIENT_HELLO = 0, 16, 43, 0xFE0D
# Extensions whose contents are looked at. The data of any other is passed over by its length: that lengths fit together is found out at the end, once
# for all.
UNDERSTOOD: Final = frozenset((SERVER_NAME, ALPN, SUPPORTED_VERSIONS, ENCRYPTED_CLIENT_HELLO))
RECORD_HEADER: Final = 5
MESSAGE_AT: Final = RECORD_HEADER + 4  # where the message begins that is alone in its record
# The fragment of a record has 2^14 bytes at most (RFC 8446 5.1). What is longer, or in several records, is for HelloReader.
LONGEST_WHOLE: Final = RECORD_HEADER + 16384
# Clients write 3.1 here for old servers' sake (RFC 8446 5.1), some 3.3. Any other is not wrong, but for the grammar.
USUAL_RECORDS: Final = frozenset((b"\x16\3\1", b"\x16\3\3"))
heads: Final = Struct(">3sHB").unpack_from
u16: Final = Struct(">H").unpack_from
u16_u16: Final = Struct(">HH").unpack_from
encrypted_head: Final = Struct(">BHHBH").unpack_from
# Formats for up to 127 numbers, compiled beforehand: a list of ciphers is read by one call. Who sends more goes the long way.
PAIRS: Final = [Struct(f">{count}H") for count in range(128)]

Wish = tuple[bytes | None, bytes | None]
Found = tuple[int, bytes, tuple[int, ...], "dict[int, bytes] | None"]


class Doubt(Exception):
    """This one is for the grammar."""


def whole_message(data: Bytes) -> bytes | None:
    """The body of the hello, if all of it has come, in one record and with nothing behind it. Nearly every client sends it so."""
    size = len(data)
    if MESSAGE_AT < size <= LONGEST_WHOLE:
        record, in_record, kind = heads(data)
        in_message = int.from_bytes(data[6:9], "big")
        if record in USUAL_RECORDS and kind == 1 and in_record + RECORD_HEADER == in_message + MESSAGE_AT == size:
            # A copy that is `bytes`: slices of it are keys of what the doorkeeper remembers, and a slice of a bytearray has no hash.
            return bytes(data[MESSAGE_AT:])
    return None


def quick_wish(body: bytes) -> Wish | None:
    """What the client asks for, as it is written: the data of server_name and of ALPN, None for none. Who writes the same asks for the same.

    None: this hello is for the grammar. Whether what is asked for makes sense is to be found out once, for the first hello with this wish.
    """
    try:
        # IndexError and struct's error say that the bytes have ended. Both mean the same as a Doubt, so that no length has to be compared before a
        # step.
        return _wish(body)
    except (Doubt, IndexError, error):
        return None


def _wish(body: bytes) -> Wish:
    """Looks at all that `quick_parts` looks at, but for those two, and makes nothing of it."""
    # Three lengths in a row, each of which says where the next one is. None of them is believed: that all of them come out at the very end of the
    # body is what `_sure` asks then.
    suites_at = SESSION_ID + 1 + body[SESSION_ID]
    (suites_size,) = u16(body, suites_at)
    compression_at = suites_at + 2 + suites_size
    at = compression_at + 3 + body[compression_at]
    # A hello without extensions ends before these two bytes, and is left to the grammar: it is an old client's.
    end = at + u16(body, at - 2)[0]
    _sure(end == len(body) and body[SESSION_ID] <= LONGEST_SESSION_ID and body[compression_at] > 0)
    _sure(not suites_size & 1 and 0 < suites_size < 2 * len(PAIRS))
    kinds, name, spoken = [], None, None
    while at < end:
        kind, size = u16_u16(body, at)
        at += 4 + size
        kinds.append(kind)
        if kind in UNDERSTOOD:
            # A slice does not object to an end that lies beyond the body. A size that does so leaves `at` beyond `end`, and the last `_sure` refuses
            # the whole.
            data = body[at - size : at]
            if kind == SERVER_NAME:
                name = data
            elif kind == ALPN:
                spoken = data
            elif kind == SUPPORTED_VERSIONS:
                # Which versions these are does not matter: OpenSSL negotiates them. But the lists must be sound ones, or a hello would be taken here
                # that the grammar refuses.
                _sure(data[0] == size - 1 and size > 1 and size & 1 == 1)
            else:
                check_encrypted(data)
    # RFC 8446 4.2: each extension once. Of two server names our choice could be the first, and OpenSSL's the second.
    _sure(at == end and len(kinds) == len(set(kinds)) <= MOST_EXTENSIONS)
    return name, spoken


def quick_parts(body: bytes) -> Found | None:
    """(legacy version, session id, cipher suites, extensions by number, those that are understood checked), or None."""
    try:
        return _parts(body)
    except (Doubt, IndexError, error):
        return None


def _parts(body: bytes) -> Found:
    (version,) = u16(body)
    suites_at = SESSION_ID + 1 + body[SESSION_ID]
    (suites_size,) = u16(body, suites_at)
    compression_at = suites_at + 2 + suites_size
    extensions_at = compression_at + 1 + body[compression_at]
    _sure(body[SESSION_ID] <= LONGEST_SESSION_ID and extensions_at > compression_at + 1)
    suites = _numbers(body[suites_at + 2 : compression_at])
    session_id = body[SESSION_ID + 1 : suites_at]
    return version, session_id, suites, _extensions(body, extensions_at) if extensions_at != len(body) else None


def _extensions(body: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at += 2
    end = at + u16(body, at - 2)[0]
    _sure(end == len(body))
    count = 0
    while at < end:
        kind, size = u16_u16(body, at)
        at += 4 + size
        found[kind] = body[at - size : at]
        count += 1
    _sure(at == end and count == len(found) <= MOST_EXTENSIONS)
    return found


def server_name(data: bytes) -> str:
    """The name in the extension's data. Raises Doubt, or error."""
    # list length (2), type (1), name length (2): with one name both lengths are known from the size, so they are compared and not followed.
    name = data[5:]
    _sure(0 < len(name) <= LONGEST_NAME)
    _sure(u16(data)[0] == len(data) - 2 and data[2] == 0 and u16(data, 3)[0] == len(name) and not name.translate(None, HOST))
    return name.decode("ascii")


def protocols(data: bytes) -> tuple[bytes, ...]:
    """The names of ALPN."""
    _sure(u16(data)[0] == len(data) - 2)
    names = tuple(_names(data))
    _sure(0 < len(names) <= MOST_PROTOCOLS and all(names))
    return names


def _names(data: bytes) -> Iterator[bytes]:
    at = 2
    while at < len(data):
        end = at + 1 + data[at]
        yield data[at + 1 : end]
        at = end
    _sure(at == len(data))


def versions(data: bytes) -> tuple[int, ...]:
    """The versions that the client speaks."""
    _sure(data[0] == len(data) - 1)
    return _numbers(data[1:])


def check_encrypted(data: bytes) -> None:
    """An outer hello of RFC 9849 has the right form."""
    # RFC 9849 5: type (1), KDF (2), AEAD (2), config_id (1), then enc and payload, each behind two bytes of length. All must fit, as for the grammar;
    # none of it can be read without the key.
    kind, _, _, _, size = encrypted_head(data)
    at = 8 + size
    _sure(kind == 0 and at + 2 + u16(data, at)[0] == len(data))


def _numbers(data: bytes) -> tuple[int, ...]:
    count, odd = divmod(len(data), 2)
    _sure(not odd and 0 < count < len(PAIRS))
    return PAIRS[count].unpack(data)


def _sure(fact: bool) -> None:  # noqa: FBT001 - an assertion, but for what comes from outside
    if not fact:
        raise Doubt
