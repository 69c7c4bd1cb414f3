"""Pages of the proxy's own answers in the file: with their text, or with the file that has it, which is read once, here."""

from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Final

from sozu.command.config.findings import Findings
from sozu.command.config.places import Folder
from sozu.command.config.schema import AnswerEntry
from sozu.command.edits.facts import AnswerPage
from sozu.command.rules.answers import LARGEST_PAGE
from sozu.command.shape import Path

# A table of our own: `mimetypes` also reads what the machine has (/etc/mime.types), so one file would mean different answers on two machines.
# The charset is said because bodies are sent as UTF-8, and a browser that is not told guesses.
_TYPES: Final = {".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".json": "application/json"}
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
    file = FilePath(folder.path(entry.file))
    body = _text((*path, "file"), file, findings)
    if body is None:
        return None
    return AnswerPage(status=entry.status, body=body, type=entry.type or _TYPES.get(file.suffix, _PLAIN))


def _text(path: Path, file: FilePath, findings: Findings) -> str | None:
    try:
        with file.open("rb") as opened:
            # One byte more than a page may have is enough for the rules to refuse it, and /dev/zero or a film, named by mistake, does not fill the memory.
            content = opened.read(LARGEST_PAGE + 1)
    # A name with a NUL, which YAML writes as "\0", is a ValueError of `open` and no OSError: the kernel is not even asked.
    except (OSError, ValueError) as error:
        findings.note(path, f"{file} cannot be read: {getattr(error, 'strerror', error)}")
        return None
    try:
        # Editors of Windows begin a file with a byte order mark, which would otherwise be the first character of the page.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        findings.note(path, f"{file} is not UTF-8")
        return None
