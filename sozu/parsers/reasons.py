"""Why a message is refused: one code per rule, each with its status and its paragraph.

Tests, logs and answers name a refusal by its `Reason`, never by the bare status: sixty rules end in "400". The table `RULES` is what
docs/parsers/strictness.md prints. A response that breaks a rule is answered with 502, whatever the rule's own status: the origin
erred, not the client (RFC 9112 section 6.3). Nothing is decided here: grammars and `body.py` decide.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

# One status for all faults of origins: what exactly was wrong is for the operator, who finds the reason in the log; a client could do nothing with it.
BAD_GATEWAY: Final = 502


# The texts are an interface: operators search their logs for them, so to rename one breaks what nobody here sees.
class Reason(StrEnum):
    """The code of one refusal."""

    # The request line and the status line
    REQUEST_LINE = "request-line"
    METHOD = "method"
    TARGET = "target"
    TARGET_FORM = "target-form"
    TARGET_TOO_LONG = "target-too-long"
    PATH_BACKSLASH = "path-backslash"
    PATH_ESCAPE = "path-escape"
    PATH_NUL = "path-nul"
    PATH_DOTS = "path-dots"
    PATH_SEPARATOR = "path-separator"
    CONNECT = "connect"
    VERSION = "version"
    STATUS_LINE = "status-line"
    # Field lines
    FIELD_LINE = "field-line"
    FIELD_NAME = "field-name"
    FIELD_VALUE = "field-value"
    HEAD_TOO_LARGE = "head-too-large"
    TOO_MANY_FIELDS = "too-many-fields"
    HOST_MISSING = "host-missing"
    HOST_TWICE = "host-twice"
    HOST_INVALID = "host-invalid"
    HOST_MISDIRECTED = "host-misdirected"
    EXPECTATION = "expectation"
    FRAMING_LOOK_ALIKE = "framing-look-alike"
    CONNECTION_OPTION = "connection-option"
    # Framing
    LENGTH_AND_CODING = "length-and-coding"
    LENGTH_INVALID = "length-invalid"
    LENGTH_TWICE = "length-twice"
    CODING_UNKNOWN = "coding-unknown"
    CODING_TWICE = "coding-twice"
    CODING_IN_HTTP_1_0 = "coding-in-http-1.0"
    BODY_FORBIDDEN = "body-forbidden"
    BODY_TOO_LARGE = "body-too-large"
    UPGRADE_UNASKED = "upgrade-unasked"
    # The chunked coding
    CHUNK_SIZE = "chunk-size"
    CHUNK_SIZE_OVERFLOW = "chunk-size-overflow"
    CHUNK_EXTENSION = "chunk-extension"
    CHUNK_LINE_TOO_LONG = "chunk-line-too-long"
    CHUNK_EXTENSIONS_TOO_LARGE = "chunk-extensions-too-large"
    CHUNK_END = "chunk-end"
    TRAILER_LINE = "trailer-line"
    TRAILER_FORBIDDEN = "trailer-forbidden"
    TRAILERS_TOO_LARGE = "trailers-too-large"
    # Command frames
    FRAME_TOO_LONG = "frame-too-long"

    @property
    def rule(self) -> Rule:
        """Status, paragraph and wording."""
        # Looked up when asked: the table is made of the members, and so stands below them.
        return RULES[self]

    @property
    def status(self) -> int:
        """The status that a client gets for its own message."""
        return RULES[self].status


class Rule(msgspec.Struct, frozen=True):
    """What a reason stands for: the status for a request, the RFC's section, the rule in one sentence."""

    status: int
    section: str
    text: str


class Refusal(msgspec.Struct, frozen=True):
    """A message that must not be passed on: the reason, the status to answer, and the offset where the grammar stopped, if it did."""

    reason: Reason
    status: int
    position: int | None = None


def refusal(reason: Reason, position: int | None = None) -> Refusal:
    """The refusal of a request."""
    return Refusal(reason, reason.status, position)


def bad_gateway(reason: Reason, position: int | None = None) -> Refusal:
    """The refusal of a response: always 502 (RFC 9110 section 15.6.3)."""
    return Refusal(reason, BAD_GATEWAY, position)


RULES: Final[dict[Reason, Rule]] = {
    Reason.REQUEST_LINE: Rule(400, "RFC 9112 3", "method SP request-target SP HTTP-version CRLF, with one SP each"),
    Reason.METHOD: Rule(400, "RFC 9110 9.1", "a method is a token"),
    Reason.TARGET: Rule(400, "RFC 9112 3.2", "a request-target holds visible ASCII only, and no fragment"),
    Reason.TARGET_FORM: Rule(
        400, "RFC 9112 3.2", "origin-form or absolute-form (http, https, with a host); * for OPTIONS alone"
    ),
    Reason.TARGET_TOO_LONG: Rule(414, "RFC 9110 15.5.15", "the request-target is longer than the listener allows"),
    # Rules about paths are only here for their codes: the grammar takes such a target, heads/plain_path.py refuses it, for what is
    # ambiguous depends on the spelling that routes and origins see.
    Reason.PATH_BACKSLASH: Rule(400, "RFC 3986 3.3", "no backslash in a path: to some origins it is a slash"),
    Reason.PATH_ESCAPE: Rule(400, "RFC 3986 2.1", "% in a path is followed by two hexadecimal digits"),
    Reason.PATH_NUL: Rule(400, "RFC 3986 7.3", "no %00 in a path: to some origins it ends there"),
    Reason.PATH_DOTS: Rule(400, "RFC 3986 3.3", "no dot segment beside ; or an escaped slash: to some origins it climbs"),
    Reason.PATH_SEPARATOR: Rule(400, "RFC 3986 2.2", "no %2F or %5C in a path, where the settings say so"),
    # 501 and not 405: the method is not known for any resource here. 505 likewise says that the version is the matter, where 400 would not.
    Reason.CONNECT: Rule(501, "RFC 9110 9.3.6", "a reverse proxy opens no tunnel for CONNECT"),
    Reason.VERSION: Rule(505, "RFC 9112 2.3", "HTTP/1.0 or HTTP/1.1, upper case"),
    Reason.STATUS_LINE: Rule(502, "RFC 9112 4", "HTTP/1.x SP three digits SP reason CRLF"),
    Reason.FIELD_LINE: Rule(
        400, "RFC 9112 5", "name, colon, value, CRLF; no folding, no bare CR or LF, no space before the colon"
    ),
    Reason.FIELD_NAME: Rule(400, "RFC 9110 5.1", "a field name is a token"),
    Reason.FIELD_VALUE: Rule(400, "RFC 9110 5.5", "a field value holds no control character but HTAB"),
    Reason.HEAD_TOO_LARGE: Rule(431, "RFC 6585 5", "the head is larger than the listener allows"),
    Reason.TOO_MANY_FIELDS: Rule(431, "RFC 6585 5", "the head has more fields than the listener allows"),
    Reason.HOST_MISSING: Rule(400, "RFC 9112 3.2", "an HTTP/1.1 request names its host"),
    Reason.HOST_TWICE: Rule(400, "RFC 9112 3.2", "one Host field"),
    Reason.HOST_INVALID: Rule(400, "RFC 9110 7.2", "Host is uri-host [ : port ]"),
    Reason.HOST_MISDIRECTED: Rule(421, "RFC 9110 7.4", "the host is one of those for whom the connection's certificate speaks"),
    Reason.EXPECTATION: Rule(417, "RFC 9110 10.1.1", "the only expectation is 100-continue"),
    # Gateways in the manner of CGI make HTTP_CONTENT_LENGTH out of Content-Length and Content_Length alike: behind them two lengths
    # become one, and nobody knows which.
    Reason.FRAMING_LOOK_ALIKE: Rule(
        400,
        "RFC 9112 11.2",
        "no field whose letters alone spell Content-Length or Transfer-Encoding, but which is neither",
    ),
    # "Connection: Content-Length" would have us cut the field that says where the body ends, and the origin would take the body for a request.
    Reason.CONNECTION_OPTION: Rule(
        400, "RFC 9110 7.6.1", "Connection must not name a field that frames or routes the message: it would be cut out"
    ),
    Reason.LENGTH_AND_CODING: Rule(
        400, "RFC 9112 6.3 (3)", "Content-Length beside Transfer-Encoding is an attempt to smuggle"
    ),
    Reason.LENGTH_INVALID: Rule(400, "RFC 9112 6.3 (5)", "Content-Length is 1 to 18 digits"),
    Reason.LENGTH_TWICE: Rule(
        400, "RFC 9112 6.3 (5)", "one Content-Length with one value, even if the values are equal"
    ),
    # 501 is what RFC 9112 6.1 asks for, and it is all that a client needs to know to try again without the coding.
    Reason.CODING_UNKNOWN: Rule(501, "RFC 9112 6.1", "the only transfer coding is exactly: chunked"),
    Reason.CODING_TWICE: Rule(400, "RFC 9112 6.1", "one Transfer-Encoding field"),
    Reason.CODING_IN_HTTP_1_0: Rule(400, "RFC 9112 6.1", "HTTP/1.0 knows no Transfer-Encoding: the framing is faulty"),
    Reason.BODY_FORBIDDEN: Rule(502, "RFC 9110 8.6, RFC 9112 6.1", "a 1xx or 204 response announces no body"),
    Reason.BODY_TOO_LARGE: Rule(413, "RFC 9110 15.5.14", "the body is larger than allowed"),
    Reason.UPGRADE_UNASKED: Rule(502, "RFC 9110 15.2.2", "101 answers a request with Upgrade, no other"),
    Reason.CHUNK_SIZE: Rule(400, "RFC 9112 7.1", "chunk-size is hexadecimal digits, then an extension or CRLF"),
    Reason.CHUNK_SIZE_OVERFLOW: Rule(400, "RFC 9112 7.1", "chunk-size has 15 hexadecimal digits at most"),
    Reason.CHUNK_EXTENSION: Rule(400, "RFC 9112 7.1.1", "chunk-ext is ;name or ;name=value, value a token or quoted"),
    Reason.CHUNK_LINE_TOO_LONG: Rule(
        400, "RFC 9112 7.1.1", "a chunk line is bounded: endless extensions are an attack"
    ),
    # 413 and not 400: each line is right, the sum of them is too much.
    Reason.CHUNK_EXTENSIONS_TOO_LARGE: Rule(
        413, "RFC 9112 7.1.1", "the extensions of one body are bounded together: more is an attack"
    ),
    Reason.CHUNK_END: Rule(400, "RFC 9112 7.1", "CRLF ends the data of a chunk"),
    Reason.TRAILER_LINE: Rule(400, "RFC 9112 7.1.2", "a trailer is a field line like any other"),
    Reason.TRAILER_FORBIDDEN: Rule(
        400, "RFC 9110 6.5.1", "no trailer frames, routes, modifies or authenticates the message"
    ),
    Reason.TRAILERS_TOO_LARGE: Rule(431, "RFC 6585 5", "the trailers are larger than the listener allows"),
    Reason.FRAME_TOO_LONG: Rule(413, "docs/command_protocol.md", "a message on the command socket is 2 MiB at most"),
}
