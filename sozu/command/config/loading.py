"""From the configuration file to `Configuration(settings, state)`, or to all of its errors at once.

Shape first (which keys, which kinds: `schema`), then meaning, for every part whose shape is sound.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
import os
from pathlib import Path
from typing import Final

from sozu.command.client import SOCKET_NAME, SOCKET_VARIABLE
from sozu.command.config.diagnostics import ConfigurationError, Problem, Span
from sozu.command.config.facts_section import read_facts
from sozu.command.config.findings import Findings
from sozu.command.config.places import Folder, journal_beside
from sozu.command.config.schema import File
from sozu.command.config.settings_section import read_settings
from sozu.command.config.yaml_source import read_yaml
from sozu.command.facts import Certificate
from sozu.command.settings import Settings
from sozu.command.shape import misfits
from sozu.command.state import ConfigState

# Where the kernel shows what a process has open (proc_pid_fd(5)): `sozu apply <(generate)` and /dev/stdin name nothing that is kept there.
_OPENED: Final = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file says. Paths are absolute; a listener's port may still be 0: the master has the kernel choose it.

    `warnings` are what can be used as it is, and is hardly meant; `said` are the keys of the file, of which the others have their defaults.
    """

    settings: Settings
    state: ConfigState
    warnings: tuple[Problem, ...] = ()
    said: frozenset[str] = frozenset()


def _none(_text: str) -> Collection[Certificate]:
    return ()


def load_configuration(path: str | os.PathLike[str], held: Callable[[str], Collection[Certificate]] = _none) -> Configuration:
    """Read a configuration file, once: it may be a pipe. Raises ConfigurationError with every problem that it has.

    To certificates that are `held` already it may refer by fingerprint, and they do not become a part of it; `held` is given the text, to see whether it does.
    """
    text = _text(path)
    return read_configuration(text, os.fspath(path), _folder_of(path), held(text))


def _folder_of(path: str | os.PathLike[str]) -> Path:
    # `absolute` leaves links as they are, which `resolve` would follow: relative paths begin where the user has put the file, not where it is kept.
    folder = Path(path).absolute().parent
    return Path.cwd() if folder in _OPENED else folder


def read_configuration(text: str, file: str, folder: Path, held: Collection[Certificate] = ()) -> Configuration:
    """Read the text of a configuration file; `file` is its name in messages, `folder` where its relative paths begin."""
    source = read_yaml(text, file)
    findings = Findings(source)
    # After an error of syntax there are no values, and to guess some would bring errors that nobody has made.
    if source.readable and source.value is None and not source.problems:
        # Everything may be left out, and to apply that removes everything. A program that failed to write the file has not meant it; `{}` is what somebody has typed.
        problem = source.problem(Span(1, 1), "the file says nothing", expected='a setting, "listeners", "clusters", or "{}", which leaves out everything')
        findings.problems.append(replace(problem, code="says-nothing"))
    elif source.readable:
        value = source.value
        # All shapes before any meaning: the two readers below take only what is sound by then, and so need not look at types again.
        for misfit in misfits(File, value):
            findings.note_misfit(misfit)
        if isinstance(value, dict):
            settings = read_settings(value, Folder(folder), findings)
            state = read_facts(value, Folder(folder), settings.timeouts, findings, held)
    if findings.problems:
        raise ConfigurationError(findings.problems)
    # Both are there: of a text that is no YAML, or no mapping, a problem was noted, and raised above.
    return Configuration(settings, state, tuple(findings.warnings), frozenset(value))


def settings_without_file(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a `sozu serve` without a file: socket and journal in the working directory, and the welcome page."""
    # As it is written, where tools look for it: a `~` that the shell has left there is the name of a file.
    command_socket = str(Path(environment.get(SOCKET_VARIABLE) or SOCKET_NAME).absolute())
    # The page that says how to go on is for whoever has just installed the proxy; a file has to ask for it, as strangers see it too.
    return Settings(command_socket=command_socket, journal=journal_beside(command_socket), welcome=True)


def _text(path: str | os.PathLike[str]) -> str:
    file = os.fspath(path)
    try:
        # Bytes, and not `read_text`, whose error tells the offset of a byte: people look for a line. PyYAML is given text in turn, since of bytes it guesses
        # the encoding and would take UTF-16.
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError([Problem(file, f"cannot be read: {error.strerror}", code="unreadable")]) from error
    try:
        # With or without the byte order mark that editors of Windows put in front.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"line {line} is not UTF-8 (byte 0x{content[error.start]:02X})"
        raise ConfigurationError([Problem(file, message)]) from error
