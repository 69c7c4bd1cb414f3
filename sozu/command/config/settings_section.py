"""The part of the file that is settings: where things are, how many, how long. Pure."""

from collections.abc import Mapping
from pathlib import Path as FilePath
import socket
from typing import Any

import msgspec

from sozu.command.addresses import UNIX_PATH_LIMIT, Address, BadAddress, parse_address
from sozu.command.config.answers import read_answers
from sozu.command.config.findings import Findings
from sozu.command.config.places import Folder, NoPath, journal_beside
from sozu.command.config.schema import File, MetricsEntry, laid_on
from sozu.command.edits.facts import AnswerPage
from sozu.command.facts import Timeouts
from sozu.command.rules.answers import answers_in
from sozu.command.rules.objections import Objection
from sozu.command.settings import AccessLog, Metrics, Pool, Settings
from sozu.command.shape import Path, steps
from sozu.parsers.abnf import TCHAR


def read_settings(value: Mapping[str, Any], folder: Folder, findings: Findings) -> Settings:
    """The settings; what is wrong with one is noted, and its default stands in for it until the file is refused."""
    # An unsound key is left out, and so has its default until the file is refused: thus one typing error does not hide what is wrong with other settings.
    keys = {key: item for key, item in value.items() if key not in _FACTS and findings.sound((key,))}
    file = msgspec.convert(keys, File)
    command_socket = _command_socket(file, folder, findings)
    journal = _path(("journal",), file.journal, folder, findings) if file.journal is not None else None
    return Settings(
        command_socket=command_socket,
        # Beside the socket as it was read: who moves the one for a second master has moved the other.
        journal=journal or journal_beside(command_socket),
        pidfile=None if file.pidfile is None else _path(("pidfile",), file.pidfile, folder, findings),
        workers=file.workers,
        max_connections=file.max_connections,
        max_worker_memory=file.max_worker_memory,
        max_body_size=file.max_body_size,
        min_rate=file.min_rate,
        # Complete from here on, for clusters are laid on them in turn.
        timeouts=laid_on(file.timeouts, Timeouts()),
        pool=laid_on(file.pool, Pool()),
        via=_via(file.via, findings),
        merge_slashes=file.merge_slashes,
        encoded_slashes=file.encoded_slashes,
        access_log=_access_log(file.access_log, folder, findings),
        metrics=_metrics(file.metrics or MetricsEntry(), findings),
        log_level=file.log_level,
        welcome=file.welcome,
        answers=_answers(file, folder, findings),
        sandbox=file.sandbox,
        user=file.user,
        affinity=file.affinity,
    )


def _answers(file: File, folder: Folder, findings: Findings) -> tuple[AnswerPage, ...]:
    pages = read_answers(("answers",), file.answers, folder, findings)
    try:
        # Settings are no order, so nobody carries them out: the one rule that they share with orders is asked here.
        return answers_in(pages)
    except Objection as objection:
        findings.note(steps(objection.field or ""), objection.reason)
        return ()


def _command_socket(file: File, folder: Folder, findings: Findings) -> str:
    path = _path(("command_socket",), file.command_socket, folder, findings)
    # Told now, with its place: `bind` would say "AF_UNIX path too long" at the start of a master, after a `check` without errors.
    # The path is absolute by then, so that a short name in a deep folder may be too long as well, and bytes count, not characters.
    if len(path.encode()) > UNIX_PATH_LIMIT:
        message = f"{path} has {len(path.encode())} bytes; the path of a unix socket has at most {UNIX_PATH_LIMIT} (unix(7))"
        findings.note(("command_socket",), message)
    return path


def _via(name: str | None, findings: Findings) -> str | None:
    """RFC 9110 section 7.6.3: the pseudonym in Via is a token."""
    # It stands unquoted in a field of every message: a comma would make two entries of it, a line feed a field of the user's own choice.
    if name is not None and (not name or set(name.encode()) - set(TCHAR)):
        findings.note(("via",), f"{name!r} is no name for a Via field", expected='letters, digits and -._ as in "sozu"')
    return name


def _access_log(found: AccessLog | None, folder: Folder, findings: Findings) -> AccessLog | None:
    # "-" is standard output, as nearly all programs write it; a file of that name is "./-".
    if found is None or found.path == "-":
        return found
    return AccessLog(path=_path(("access_log", "path"), found.path, folder, findings), format=found.format)


def _metrics(found: MetricsEntry, findings: Findings) -> Metrics:
    return Metrics(
        prometheus=_scraped_address(("metrics", "prometheus"), found.prometheus, findings),
        statsd=_told_address(("metrics", "statsd"), found.statsd, findings),
    )


def _scraped_address(path: Path, text: str | None, findings: Findings) -> str | None:
    address = _address(path, text, findings)
    # `scrape_configs` of Prometheus takes host and port: with a path here there would be no figures, and no error.
    if address is not None and address.family is socket.AF_UNIX:
        findings.note(path, "Prometheus cannot scrape a unix socket", expected='an address like "127.0.0.1:9102"')
    return None if address is None else str(address)


def _told_address(path: Path, text: str | None, findings: Findings) -> str | None:
    address = _address(path, text, findings)
    # Port 0 is right for what listens; to send there the kernel refuses (EINVAL), of which only the debug log of the master would tell.
    if address is not None and (address.family is socket.AF_UNIX or address.port == 0):
        findings.note(path, "statsd is told over UDP, at a port other than 0", expected='an address like "127.0.0.1:8125"')
    return None if address is None else str(address)


def _address(path: Path, text: str | None, findings: Findings) -> Address | None:
    if text is None:
        return None
    try:
        return parse_address(text)
    except BadAddress as error:
        findings.note(path, str(error))
        return None


def _path(path: Path, text: str, folder: Folder, findings: Findings) -> str:
    # `name` is empty for "", "/", "." and the like, which are folders or nothing; the kernel would say so only when it is opened.
    if not FilePath(text).name:
        findings.note(path, "not a path", expected="the path of a file")
        # Never opened: the file is refused. It has to be some path, and a short one, so that no second problem follows from it.
        return folder.path("nowhere")
    try:
        return folder.path(text)
    except NoPath as error:
        findings.note(path, f"not a path: {error}")
        return folder.path("nowhere")


_FACTS = ("listeners", "clusters")
