"""Pages of the proxy's own answers in the file: with their text, or with the file that has it, which is read once, here."""

from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Final

from sozu.command.config.findings import Findings
from sozu.command.config.places import Folder, NoPath
from sozu.command.config.schema import AnswerEntry
from sozu.command.edits.facts import AnswerPage
from sozu.command.rules.answers import LARGEST_PAGE
from sozu.command.shape import Path

# A table of our own: `mimetypes` also reads what the machine has (/etc/mime.types), so one file would mean different answers on two machines.
# The charset is said because bodies are sent as UTF-8, and a browser that is not told guesses.
_TYPES: Final = {".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".json": "application/json"}
UTF_8: Final = getincrementaldecoder("utf-8")
# A byte order mark, which counts for nothing, and what may be missing of the last character: without them a page is longer than it may be, still.
_SLACK: Final = len(BOM_UTF8) + 4
_PLAIN: Final = "text/plain; charset=utf-8"


def read_answers(path: Path, entries: Iterable[AnswerEntry], folder: Folder, findings: Findings) -> tuple[AnswerPage, ...]:
    """The pages; what is wrong with one is noted, and then there are none: what is said of the others would name the wrong places."""
    pages = [_read_page((*path, index), entry, folder, findings) for index, entry in enumerate(entries)]
    return tuple(page for page in pages if page is not None) if None not in pages else ()


def _read_page(path: Path, entry: AnswerEntry, folder: Folder, findings: Findings) -> AnswerPage | None:
    # `is None`, since an empty body is a page too: that of an answer without a word.
    if (entry.body is None) is (entry.file is None):
        findings.note(path, "an answer has either a body or a file")
        return None
    if entry.file is None:
        return AnswerPage(status=entry.status, body=entry.body or "", type=entry.type or _PLAIN)
    try:
        file = FilePath(folder.path(entry.file))
    except NoPath as error:
        findings.note((*path, "file"), str(error))
        return None
    body = _text((*path, "file"), file, findings)
    if body is None:
        return None
    return AnswerPage(status=entry.status, body=body, type=entry.type or _TYPES.get(file.suffix, _PLAIN))


def _text(path: Path, file: FilePath, findings: Findings) -> str | None:
    try:
        with file.open("rb") as opened:
            # A little more than a page may have is enough for the rules to refuse it, and /dev/zero or a film, named by mistake, does not fill the memory.
            content = opened.read(LARGEST_PAGE + _SLACK)
    except OSError as error:
        findings.note(path, f"{file} cannot be read: {error.strerror}")
        return None
    # Editors of Windows begin a file with a byte order mark, which would otherwise be the first character of the page.
    content = content.removeprefix(BOM_UTF8)
    try:
        # Only what was cut off by us may end in the middle of a character.
        return UTF_8().decode(content, final=len(content) <= LARGEST_PAGE)
    except UnicodeDecodeError:
        findings.note(path, f"{file} is not UTF-8")
        return None
