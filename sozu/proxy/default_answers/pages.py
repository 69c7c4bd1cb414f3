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

HTML, TEXT = b"text/html; charset=utf-8", b"text/plain; charset=utf-8"
# NUL, which no title, sentence or reason has in it: so there is exactly one place to cut the page at.
_ID = "\0"  # where the id of the request comes
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
    # Weights (RFC 9110 section 12.5.1) are not looked at: who gets the other one of two short pages can read that as well.
    return b"text/html" in accept.lower()


def html_page(title: str, body: str) -> bytes:
    """A page around a body of HTML. Both must be escaped already."""
    return _PAGE.format(title=title, body=body).encode("utf-8")


def default_answer(
    status: int, request_id: bytes, *, close: bool, head: bool = False, accept: bytes = b"", fields: bytes = b"", reason: str = ""
) -> bytes:
    """A whole HTTP/1.1 response: one of PAGES, else KeyError.

    Whoever reads it can tell its `reason` and the request's id to those who have the access log. `close` adds `Connection: close`; `head` leaves the body out and keeps its length (RFC 9110 section 9.3.2); `fields`
    are whole field lines to add, each ended by CRLF.
    """
    before, after, media = _body(status, reason, html=wants_html(accept))
    body = before + request_id + after if reason else before
    return framed(status, request_id, body, media, close=close, head=head, fields=fields)


def framed(
    status: int, request_id: bytes, body: bytes, media: bytes, *, close: bool, head: bool = False, fields: bytes = b""
) -> bytes:
    """Head and body of an answer of our own: never stored by a cache, always with its length."""
    return b"".join(
        (
            b"HTTP/1.1 %d %b\r\n" % (status, PAGES[status][0].encode("ascii")),
            b"Content-Type: %b\r\nContent-Length: %d\r\n" % (media, len(body)),
            # 301, 308, 404, 414 and 501 may be stored without being asked to (RFC 9110 section 15.1): a cache would say that there is
            # no route long after somebody has added one.
            b"Cache-Control: no-store\r\nSozu-Id: %b\r\n" % request_id,
            fields,
            b"Connection: close\r\n" if close else b"",
            b"\r\n",
            b"" if head else body,
        )
    )


# Statuses and reasons are our own and few. The id, which is new each time, goes between the halves, so that nothing of a request is in a key.
@lru_cache(maxsize=1024)
def _body(status: int, reason: str, *, html: bool) -> tuple[bytes, bytes, bytes]:
    """What stands before the request's id and after it, and the media type; without a reason there is no place for the id."""
    title, sentence = PAGES[status]
    # For whoever reads the log: the page itself says nothing of what is behind the proxy.
    told = f"reason {reason}, request {_ID}" if reason else ""
    if html:
        small = f"\n<p><small>{told}</small></p>" if told else ""
        page, media = html_page(f"{status} {title}", f"<p>{sentence}</p>{small}"), HTML
    else:
        page, media = f"{status} {title}: {sentence}\n{told and told + chr(10)}".encode("ascii"), TEXT
    before, _, after = page.partition(_ID.encode())
    return before, after, media
