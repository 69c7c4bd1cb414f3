"""How orders may write pages of the proxy's own answers; what makes no sense is an Objection. Pure."""

from typing import Final

from sozu.command.edits.facts import AnswerPage
from sozu.command.edits.templates import BadTemplate, read_template
from sozu.command.rules.objections import Objection
from sozu.parsers.abnf import VCHAR

ANSWERED: Final = (400, 401, 403, 404, 408, 413, 414, 417, 421, 429, 431, 500, 501, 502, 503, 504, 505)  # where the proxy says more than a few words
# Host and path are words of the client's: custom_pages.py escapes what is filled in as the page's media type wants it, so these can be offered.
PAGE_PLACES: Final = ("status", "title", "reason", "request_id", "host", "path")
# A page is filled for each answer, and an attacker has as many of those as he likes: it is made from memory, never streamed.
LARGEST_PAGE: Final = 65_536  # bytes
_TYPE = frozenset(VCHAR + b" ")


def answers_in(pages: tuple[AnswerPage, ...]) -> tuple[AnswerPage, ...]:
    """The pages, by status. Raises Objection."""
    if not pages:
        return pages
    seen: set[int] = set()
    for index, page in enumerate(pages):
        place = f"answers.{index}"
        if page.status not in ANSWERED:
            raise Objection(f"{page.status}: the proxy itself answers with {', '.join(map(str, ANSWERED))}", f"{place}.status")
        if page.status in seen:
            raise Objection(f"there is a page for {page.status} already", f"{place}.status")
        seen.add(page.status)
        _check_page(page, place)
    # Sorted, so that the same pages in another order are the same fact, and no update.
    return tuple(sorted(pages, key=lambda page: page.status))


def _check_page(page: AnswerPage, place: str) -> None:
    if len(page.body.encode()) > LARGEST_PAGE:
        raise Objection(f"a page has at most {LARGEST_PAGE} bytes", f"{place}.body")
    # The type becomes a line of a head as it stands: visible ASCII and SP hold no CR or LF to end that line with (RFC 9110 5.5).
    if "/" not in page.type or not _TYPE.issuperset(page.type.encode()):
        raise Objection(f'"{page.type}" is no media type, as in "text/html; charset=utf-8"', f"{place}.type")
    try:
        # Only to see that it can be read, by the function that reads it for each answer: an unknown place is told to who wrote it, not to a client.
        read_template(page.body, PAGE_PLACES)
    except BadTemplate as error:
        raise Objection(str(error), f"{place}.body") from error
