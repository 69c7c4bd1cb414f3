"""The upstream's pages: whole responses, of which ours have the body and its type. Pure: those that stand in files are for their owner to write anew."""

import re
from typing import Any, Final

from sozu.command.conversion.source import Table
from sozu.command.rules.answers import ANSWERED

STATUSES: Final = (301, 400, 401, 404, 408, 413, 421, 429, 502, 503, 504, 507)  # for which upstream has a key `answer_NNN`
_IN_A_FILE: Final = "its file is a whole response; here `answers` has a body, or a file with one, and its type for each status"
_PLACES: Final = {"%REQUEST_ID": "{request_id}", "%ROUTE": "{host}{path}"}
# Four letters at least: what a page has of percent-encoded links, such as %C3, is text and stays so.
_PLACE: Final = re.compile("%[A-Z_]{4,}")


def read_answers(table: Table) -> list[dict[str, Any]]:
    """What `answers` and `answer_NNN` of a listener or a cluster become."""
    for number in STATUSES:
        # These name files. `convert` reads nothing but the upstream file, since it may run on another machine than the one that this is for.
        table.explain(f"answer_{number}", _IN_A_FILE)
    pages = []
    for answers in table.single("answers"):
        for status in answers.unread():
            if (text := answers.take(status, str)) is None:
                continue
            if text.startswith("file://"):
                answers.note(status, _IN_A_FILE)
            # Left out here, one by one: the door would name the list of pages as a whole and leave out the good ones too.
            elif not status.isdecimal() or int(status) not in ANSWERED:
                answers.note(status, "is no status of which there are pages here")
            else:
                pages.append(_page(answers, status, text))
    return pages


def _page(table: Table, status: str, text: str) -> dict[str, Any]:
    # Lines may end in either way, as people write these texts by hand in TOML; what follows the first empty line is the body.
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    page: dict[str, Any] = {"status": int(status), "body": _body(table, status, body)}
    # Without the status line: the key has told the status already, and the phrase behind it is ours.
    for line in head.split("\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-type":
            page["type"] = value.strip()
        # Those two the proxy works out for each answer itself, so that nothing is lost with them and there is nothing to tell.
        elif name.lower() not in ("content-length", "connection"):
            table.note(status, f"a page has no fields of its own here: {line!r} is left out")
    return page


def _body(table: Table, status: str, body: str) -> str:
    for place in sorted(set(_PLACE.findall(body)) - set(_PLACES)):
        table.note(status, f"there is nothing to put in the place of {place}")
    # Braces first, as ours are places: doubled afterwards, those that are put in place of theirs would be text.
    braced = body.replace("{", "{{").replace("}", "}}")
    return _PLACE.sub(lambda found: _PLACES.get(found[0], ""), braced)
