"""`sozu help`: what the verbs are, what one does, and what the code of an error means."""

from textwrap import fill
from typing import Final

import click

from sozu.cli.options import socket_option
from sozu.command.nearest import did_you_mean
from sozu.command.rules.codes import CODES, explanation, known_codes

# As wide as click's own help may be (`max_content_width` in `program`), since both stand in one page.
_WIDTH: Final = 110


@click.command()
@click.argument("topic", metavar="[VERB|CODE]", nargs=-1)
@socket_option
@click.pass_context
def help(ctx: click.Context, topic: tuple[str, ...]) -> None:  # noqa: A001 - the verb's own name
    """
    Explain a verb, or the code of an error; or list both.

    \b
    Examples:
      sozu help
      sozu help serve
      sozu help backend remove
      sozu help unknown-cluster
    """
    program = ctx.parent
    assert program is not None, "a verb is called by the program"
    assert isinstance(program.command, click.Group), "which has others"
    asked = " ".join(topic)
    if not topic:
        # Two families stand for what they have for each field of each order: the list has to fit on a screen.
        codes = ", ".join([*CODES, "bad-FIELD", "unknown-FIELD"])
        click.echo(f"{program.get_help()}\n\n{fill(f'Codes of errors: {codes}', _WIDTH, subsequent_indent='  ')}")
    # Verbs before codes: no code is a single word that is a verb too, and of the two the verb is what people mean.
    elif (shown := _help_of(program, topic)) is not None:
        click.echo(shown)
    elif (text := explanation(asked)) is not None:
        click.echo(fill(text, _WIDTH))
    else:
        raise click.UsageError(f'there is no verb and no code "{asked}"{did_you_mean(asked, (*program.command.list_commands(program), *known_codes()))}')


def _help_of(context: click.Context, words: tuple[str, ...]) -> str | None:
    """What `sozu WORDS --help` shows; None if there is no such verb."""
    for word in words:
        group = context.command
        command = group.get_command(context, word) if isinstance(group, click.Group) else None
        if command is None:
            return None
        # Each below the one before, and the first below the program: so the line of usage begins "sozu cluster add" and not "sozu help".
        context = click.Context(command, context, word)
    return context.get_help()
