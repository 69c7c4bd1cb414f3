"""`sozu help CODE`: what an error means, and what to do about it."""

from textwrap import fill

import click

from sozu.command.nearest import did_you_mean
from sozu.command.rules.codes import CODES, explanation, known_codes


@click.command()
@click.argument("code", required=False)
def help(code: str | None) -> None:  # noqa: A001 - the verb's own name
    """
    Explain the code of an error, or list the codes.

    \b
    Examples:
      sozu help
      sozu help unknown-cluster
    """
    if code is None:
        click.echo("\n".join([*CODES, "bad-FIELD", "unknown-FIELD"]))
        return
    text = explanation(code)
    if text is None:
        raise click.UsageError(f'there is no code "{code}"{did_you_mean(code, known_codes())}')
    click.echo(fill(text, 110))
