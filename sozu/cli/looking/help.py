"""`sozu help`: what the verbs are, what one does, and what the code of an error means."""

from textwrap import fill
from typing import Final

import click

from sozu.command.nearest import did_you_mean
from sozu.command.rules.codes import CODES, explanation, known_codes

_WIDTH: Final = 110


@click.command()
@click.argument("topic", metavar="[VERB|CODE]", required=False)
@click.pass_context
def help(ctx: click.Context, topic: str | None) -> None:  # noqa: A001 - the verb's own name
    """
    Explain a verb, or the code of an error; or list both.

    \b
    Examples:
      sozu help
      sozu help serve
      sozu help unknown-cluster
    """
    program = ctx.parent
    assert program is not None, "a verb is called by the program"
    assert isinstance(program.command, click.Group), "which has others"
    if topic is None:
        codes = ", ".join([*CODES, "bad-FIELD", "unknown-FIELD"])
        click.echo(f"{program.get_help()}\n\n{fill(f'Codes of errors: {codes}', _WIDTH, subsequent_indent='  ')}")
    elif (verb := program.command.get_command(program, topic)) is not None:
        click.echo(verb.get_help(click.Context(verb, program, topic)))
    elif (text := explanation(topic)) is not None:
        click.echo(fill(text, _WIDTH))
    else:
        raise click.UsageError(f'there is no verb and no code "{topic}"{did_you_mean(topic, (*program.command.list_commands(program), *known_codes()))}')
