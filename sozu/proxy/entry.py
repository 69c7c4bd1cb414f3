"""What is told of an exchange that is over, to the access log and to the counters: an Entry. Facts only; how a line looks is in json_lines and ncsa_lines."""

from typing import Final, NamedTuple, TypeAlias

import msgspec


# Thousands are remembered with their heads. They hold bytes and nothing else, so no cycle can go through them, and the collector need not
# look at them (gc=False).
class Texts(msgspec.Struct, frozen=True, gc=False):
    """What the log says of a request because of its head, and of the connection it came on; made once for a head.

    `json` is that piece of a line, if nothing in it is unusual. `tls`: the version; `sni`: the name asked for in the handshake.
    """

    method: bytes = b""
    authority: bytes = b""
    path: bytes = b""  # with the query
    user_agent: bytes | None = None
    minor: int = 1  # of the version of HTTP
    json: bytes | None = None
    tls: bytes | None = None
    sni: bytes | None = None


class Entry(NamedTuple):
    """Clock readings are seconds of one monotonic clock; a text may be absent (None or empty)."""

    request_id: bytes
    session: int  # which of the worker's connections
    client: bytes  # IP address and port
    texts: Texts
    status: int  # 0: the client went away before there was one
    started: float
    connected: float | None  # when the backend's connection was there
    responded: float | None  # when the head of the final response was
    finished: float
    cluster: str | None
    backend: str | None
    bytes_in: int  # of the body
    bytes_out: int
    retries: int
    ended: str | None  # why it ended, if not as it should


# The same without its class: a plain tuple is made for each exchange, in a third of the time.
AnyEntry: TypeAlias = tuple[
    bytes, int, bytes, Texts, int, float, float | None, float | None, float, str | None, str | None, int, int, int, str | None
]

# Its own pattern, since health checks and load tools say no name: written field by field, their lines were a quarter of all that
# their requests cost.
NAMELESS: Final = b'"method":"%b","host":"%b","path":"%b"'
USUAL: Final = NAMELESS + b',"user_agent":"%b"'
USUAL_TLS: Final = b'%b,"tls":"%b","sni":"%b"'
# What stands in a JSON text as it is becomes itself, anything else something else.
PLAIN: Final = bytes(byte if 0x20 <= byte < 0x7F and byte not in b'"\\' else 0x7F - (byte == 0x7F) for byte in range(256))


def texts_of(method: bytes, authority: bytes, path: bytes, user_agent: bytes | None, minor: int = 1) -> Texts:
    """The Texts of a head."""
    # One look at all of them together. That translate gives back the very bytes that it does not change is a habit of CPython: without it
    # each line would be written with care, and none would be wrong.
    said = b"".join((method, authority, path, user_agent or b""))
    if said.translate(PLAIN) is not said:  # it gives bytes back that it does not change
        return Texts(method, authority, path, user_agent, minor)
    if user_agent:
        return Texts(method, authority, path, user_agent, minor, USUAL % (method, authority, path, user_agent))
    return Texts(method, authority, path, user_agent, minor, NAMELESS % (method, authority, path))


def with_tls(texts: Texts, version: str, server_name: str | None) -> Texts:
    """The same for a head that came by TLS. A name is a hostname's letters, and needs no escapes (sozu.parsers.wire.hello_message)."""
    tls, sni = version.encode("ascii"), None if server_name is None else server_name.encode("ascii")
    # Who has asked for no name has a line without that key, which no pattern has.
    usual = None if texts.json is None or sni is None else USUAL_TLS % (texts.json, tls, sni)
    return msgspec.structs.replace(texts, json=usual, tls=tls, sni=sni)
