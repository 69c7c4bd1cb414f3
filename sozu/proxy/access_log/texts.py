"""What is said of a request in its line of the access log because of its head, and of the connection it came on. Pure; made once for a head."""

import msgspec

USUAL = b'"method":"%b","host":"%b","path":"%b","user_agent":"%b"'
USUAL_TLS = b'%b,"tls":"%b","sni":"%b"'
PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))  # what stands in a JSON text as it is


class Texts(msgspec.Struct, frozen=True, gc=False):
    """For a line of any format; `json` is that piece of the line, if nothing in it is unusual. `tls`: the version; `sni`: the name asked for in the handshake."""

    method: bytes = b""
    authority: bytes = b""
    path: bytes = b""  # with the query
    user_agent: bytes | None = None
    json: bytes | None = None
    tls: bytes | None = None
    sni: bytes | None = None


def texts_of(method: bytes, authority: bytes, path: bytes, user_agent: bytes | None) -> Texts:
    """The Texts of a head."""
    if user_agent and not (b"%b%b%b%b" % (method, authority, path, user_agent)).translate(None, PLAIN):
        return Texts(method, authority, path, user_agent, USUAL % (method, authority, path, user_agent))
    return Texts(method, authority, path, user_agent)


def with_tls(texts: Texts, version: str, server_name: str | None) -> Texts:
    """The same for a head that came by TLS. A name is a hostname's letters, and needs no escapes (sozu.parsers.wire.hello_message)."""
    tls, sni = version.encode("ascii"), None if server_name is None else server_name.encode("ascii")
    usual = None if texts.json is None or sni is None else USUAL_TLS % (texts.json, tls, sni)
    return msgspec.structs.replace(texts, json=usual, tls=tls, sni=sni)
