"""On what terms TLS is spoken, as an option of listeners and clusters: `--tls NAME=VALUE`, which may be repeated. Reads the files that are named."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from sozu.command.certificates.terms import BackendTls, Tls
from sozu.command.nearest import did_you_mean

Terms = TypeVar("Terms", Tls, BackendTls)
# These two are read here, by the user who types, from the folder in which he stands: the master has another one, and may not read his files.
FILES = frozenset(("ca", "client_ca"))


def terms_in(words: Iterable[str], kind: type[Terms]) -> Terms | None:
    """The terms with these settings, the others as usual; None if nothing is said. Raises click.BadParameter."""
    said = dict(_setting(word, kind.__struct_fields__) for word in words)
    try:
        # Not strict: on a command line all is text, and `verify=true` means the truth value.
        return msgspec.convert(said, kind, strict=False) if said else None
    except msgspec.ValidationError as error:
        raise click.BadParameter(f"--tls: {error}") from error


def _setting(word: str, known: tuple[str, ...]) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    # By name before it is read: msgspec would ignore `min_versoin=TLSv1.3`, and the listener speak what was to be forbidden.
    if name not in known or not equals:
        raise click.BadParameter(f"--tls {word!r}: expected one of {', '.join(known)}, then =VALUE{did_you_mean(name, known)}")
    return name, _text(Path(value)) if name in FILES else value


def _text(file: Path) -> str:
    try:
        return file.read_text("ascii", "replace")
    except OSError as error:
        raise click.BadParameter(f"--tls: {file} cannot be read: {error.strerror}") from error
