"""Reading the files of a certificate, and showing what is wrong with them as a compiler would."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sozu.command.certificates.examining import examine
from sozu.command.certificates.pem import BadCertificate, Flaw, Source
from sozu.command.config import Problem
from sozu.command.facts import Certificate


class BadFiles(click.ClickException):
    """The files hold no certificate that could be served."""

    # Bad input, as with a wrong option: 1 would say that a master had refused it, and nothing was sent to one.
    exit_code = 2

    def show(self, file: Any = None) -> None:
        """As a compiler would."""
        click.echo(self.message, file=file, err=True)


def read_files(certificate: Path, key: Path, chain: Path | None, *, force: bool, for_backends: bool = False) -> Certificate:
    """What the files hold. Raises BadFiles."""
    try:
        # Certificate, key and chain may as well stand in one file: which is which the blocks say, and not the option.
        others = [_source(chain)] if chain is not None else []
        return examine(_source(certificate), _source(key), others, now=datetime.now(UTC), force=force, for_backends=for_backends)
    except BadCertificate as bad:
        raise BadFiles("\n\n".join(_problem(flaw).render() for flaw in bad.flaws)) from None


def _source(file: Path) -> Source:
    # What is not ASCII can only be text around the blocks, which RFC 7468 section 2 allows; in a block it is found to be no base64.
    return Source(str(file), file.read_text("ascii", "replace"))


def _problem(flaw: Flaw) -> Problem:
    # In the same words and marks as errors of the configuration file. Flaws know lines and no columns: the whole line is underlined.
    return Problem(flaw.source, flaw.message, flaw.line, 1, max(1, len(flaw.text)), flaw.text, flaw.expected, code="bad-certificate")
