"""What the proxy itself says when no backend does: one short page for each status, made once, and the head around it.

A page is plain text or, for a browser (an Accept that names text/html), a little HTML. It never repeats what the client
sent, and never says which backend failed: that stands in the access log under the request id. See RFC 9110 section 15.
The page that helps to set up a route is in `welcome_page`.
"""

from functools import lru_cache

# status -> (reason phrase, RFC 9110 section 15 and RFC 6585; what to tell a human)
PAGES = {
    301: ("Moved Permanently", "The page is elsewhere now."),
    302: ("Found", "The page is elsewhere for the moment."),
    303: ("See Other", "The answer is elsewhere."),
    307: ("Temporary Redirect", "The page is elsewhere for the moment."),
    308: ("Permanent Redirect", "The page is elsewhere now."),
    400: ("Bad Request", "The request could not be understood."),
    401: ("Unauthorized", "A name and a password are asked for."),
    403: ("Forbidden", "This is not for you."),
    404: ("Not Found", "No site is configured for this host and path."),
    408: ("Request Timeout", "The request took too long to arrive."),
    413: ("Content Too Large", "The request's body is larger than allowed."),
    414: ("URI Too Long", "The address is longer than allowed."),
    417: ("Expectation Failed", "The request expects what is not supported here."),
    421: ("Misdirected Request", "This host is not served on this connection."),
    429: ("Too Many Requests", "Too many requests have come from this address."),
    431: ("Request Header Fields Too Large", "The request's header fields are larger than allowed."),
    500: ("Internal Server Error", "The proxy failed on this request."),
    501: ("Not Implemented", "The request uses a method or coding that is not supported here."),
    502: ("Bad Gateway", "The site did not give a valid answer."),
    503: ("Service Unavailable", "The site is not available now."),
    504: ("Gateway Timeout", "The site took too long to answer."),
    505: ("HTTP Version Not Supported", "This version of HTTP is not supported here."),
}

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:4rem auto;padding:0 1rem;color:#222}}
pre{{background:#f3f3f0;padding:1rem;overflow:auto}}h1{{font-weight:500}}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""


def wants_html(accept: bytes) -> bool:
    """Does this Accept field name text/html? Browsers do; curl and libraries say */* or nothing."""
    return b"text/html" in accept.lower()


def html_page(title: str, body: str) -> bytes:
    """A page around a body of HTML. Both must be escaped already."""
    return _PAGE.format(title=title, body=body).encode("utf-8")


def default_answer(
    status: int, request_id: bytes, *, close: bool, head: bool = False, accept: bytes = b"", fields: bytes = b""
) -> bytes:
    """A whole HTTP/1.1 response: one of PAGES, else KeyError.

    `close` adds `Connection: close`; `head` leaves the body out and keeps its length (RFC 9110 section 9.3.2); `fields`
    are whole field lines to add, each ended by CRLF.
    """
    body, media = _body(status, html=wants_html(accept))
    return framed(status, request_id, body, media, close=close, head=head, fields=fields)


def framed(
    status: int, request_id: bytes, body: bytes, media: bytes, *, close: bool, head: bool = False, fields: bytes = b""
) -> bytes:
    """Head and body of an answer of our own: never stored by a cache, always with its length."""
    return b"".join(
        (
            b"HTTP/1.1 %d %b\r\n" % (status, PAGES[status][0].encode("ascii")),
            b"Content-Type: %b; charset=utf-8\r\nContent-Length: %d\r\n" % (media, len(body)),
            b"Cache-Control: no-store\r\nSozu-Id: %b\r\n" % request_id,
            fields,
            b"Connection: close\r\n" if close else b"",
            b"\r\n",
            b"" if head else body,
        )
    )


@lru_cache(maxsize=2 * len(PAGES))
def _body(status: int, *, html: bool) -> tuple[bytes, bytes]:
    title, sentence = PAGES[status]
    if html:
        return html_page(f"{status} {title}", f"<p>{sentence}</p>"), b"text/html"
    return f"{status} {title}: {sentence}\n".encode("ascii"), b"text/plain"
