"""Pages of the operator's in place of ours, with the request's host and path in their places: escaped as the page's media type wants it. Pure."""

from collections.abc import Callable, Iterable
import html
import json

from sozu.command.edits.facts import AnswerPage
from sozu.command.edits.templates import read_template
from sozu.command.rules.answers import PAGE_PLACES
from sozu.proxy.default_answers.pages import PAGES


def chosen_page(pages: Iterable[AnswerPage], status: int) -> AnswerPage | None:
    """The first page for this status."""
    return next((page for page in pages if page.status == status), None)


def filled_page(page: AnswerPage, reason: str, request_id: bytes, host: bytes, path: bytes) -> bytes:
    """The body."""
    values = {
        "status": b"%d" % page.status,
        "title": PAGES[page.status][0].encode(),
        "reason": reason.encode(),
        "request_id": request_id,
        "host": host,
        "path": path,
    }
    return read_template(page.body, PAGE_PLACES).fill(values, _escape(page.type.partition(";")[0].strip().lower()))


def _escape(media: str) -> Callable[[bytes], bytes]:
    # By its end, since many types are XML or JSON underneath (image/svg+xml, application/problem+json; RFC 6839). Quotes are escaped as
    # well: a place may stand in an attribute.
    if media.endswith(("html", "xml")):
        return lambda value: html.escape(value.decode("latin-1")).encode()
    if media.endswith("json"):
        # Without the quotes around it, which the template has.
        return lambda value: json.dumps(value.decode("latin-1"))[1:-1].encode()
    # Plain text has nothing to escape, and of other types we know no rules.
    return bytes
