"""Where h11 and httptools (llhttp) read a stream of requests otherwise than we do, and why: a difference that is not listed is a bug of someone.

WIDER: what we refuse, by our reason, and a peer takes. NARROWER: what we take and a peer refuses. docs/parsers/strictness.md prints both.
"""

from __future__ import annotations

from sozu.parsers.reasons import Reason

H11, HTTPTOOLS = "h11", "httptools"

WIDER: dict[Reason, dict[str, str]] = {
    Reason.REQUEST_LINE: {
        H11: "ends lines with a bare LF",
        HTTPTOOLS: "takes several blanks between the parts, HTTP/0.9 without a version, and many empty lines before a request",
    },
    Reason.METHOD: {H11: "an HTTP/1.0 connection is over: what follows is not read", HTTPTOOLS: "skips a lone CR before a method"},
    Reason.VERSION: {H11: "takes any digits as a version", HTTPTOOLS: "takes HTTP/2.0 and HTTP/0.9 as versions"},
    Reason.TARGET: {H11: "passes a fragment on", HTTPTOOLS: "passes a fragment on"},
    Reason.TARGET_FORM: {
        H11: "looks at no form",
        HTTPTOOLS: "takes * for any method, any scheme, an empty host, and userinfo",
    },
    Reason.CONNECT: {H11: "lets its user decide", HTTPTOOLS: "lets its user decide"},
    Reason.TARGET_TOO_LONG: {H11: "bounds the head alone", HTTPTOOLS: "has no limit"},
    Reason.HEAD_TOO_LARGE: {H11: "bounds what has to be buffered, not a head that came whole", HTTPTOOLS: "has no limit"},
    Reason.TOO_MANY_FIELDS: {H11: "has no limit", HTTPTOOLS: "has no limit"},
    Reason.FIELD_LINE: {H11: "unfolds lines, and ends them with a bare LF"},
    Reason.FIELD_NAME: {H11: "an HTTP/1.0 connection is over: what follows is not read"},
    Reason.FIELD_VALUE: {H11: "takes control characters except NUL, CR and LF"},
    Reason.HOST_INVALID: {H11: "does not look into Host", HTTPTOOLS: "does not look into Host"},
    Reason.HOST_MISSING: {HTTPTOOLS: "knows no Host"},
    Reason.HOST_TWICE: {HTTPTOOLS: "knows no Host"},
    Reason.EXPECTATION: {H11: "lets its user decide", HTTPTOOLS: "lets its user decide"},
    Reason.FRAMING_LOOK_ALIKE: {H11: "does not look for them", HTTPTOOLS: "does not look for them"},
    Reason.CONNECTION_OPTION: {H11: "lets its user decide", HTTPTOOLS: "lets its user decide"},
    Reason.LENGTH_AND_CODING: {H11: "drops Content-Length, as RFC 9112 6.3 allows"},
    Reason.LENGTH_INVALID: {
        H11: "takes equal values in a list, and 20 digits",
        HTTPTOOLS: "takes what fits in 64 bits",
    },
    Reason.LENGTH_TWICE: {H11: "takes equal values"},
    Reason.CODING_IN_HTTP_1_0: {H11: "takes chunks from HTTP/1.0", HTTPTOOLS: "takes chunks from HTTP/1.0"},
    Reason.CODING_UNKNOWN: {HTTPTOOLS: "takes any list that ends in chunked, with empty elements"},
    Reason.CHUNK_SIZE: {H11: "has taken a damaged length for a larger one"},
    Reason.CHUNK_EXTENSION: {H11: "takes control characters in an extension", HTTPTOOLS: "takes an extension without a name"},
    Reason.TRAILER_LINE: {H11: "ends lines with a bare LF, and unfolds them"},
    Reason.TRAILER_FORBIDDEN: {H11: "takes any trailer", HTTPTOOLS: "takes any trailer"},
    Reason.TRAILERS_TOO_LARGE: {H11: "bounds what has to be buffered", HTTPTOOLS: "has no limit"},
    Reason.CHUNK_LINE_TOO_LONG: {H11: "bounds what has to be buffered", HTTPTOOLS: "has no limit"},
    Reason.CHUNK_EXTENSIONS_TOO_LARGE: {H11: "has no limit", HTTPTOOLS: "has no limit"},
}

NARROWER: dict[str, str] = {
    H11: "refuses an empty line before a request, which RFC 9112 2.2 asks servers to ignore",
    HTTPTOOLS: "knows a fixed list of methods; and takes what follows a request that asked for an upgrade or a close as not HTTP",
}
