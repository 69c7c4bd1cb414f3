"""`sozu password`: the hash of a password, for `basic_auth`."""

import os
import sys

import click

from sozu.cli.options import socket_option
from sozu.command.edits.passwords import write_hash


@click.command()
@socket_option
def password() -> None:
    """
    Ask for a password (or read the first line of standard input) and print its hash, for basic_auth.

    \b
    Examples:
      sozu password
      printf 'open sesame' | sozu password
    """
    asked = sys.stdin.isatty()
    # Never as an argument: those stand in the history of the shell, and in `ps` for everybody to read.
    # Asked for twice, since nobody sees what he types, and a hash cannot tell him later.
    given = click.prompt("Password", hide_input=True, confirmation_prompt=True) if asked else sys.stdin.readline()
    # The line feed alone: blanks at either end may belong to it.
    text = given.removesuffix("\n")
    if not text:
        raise click.UsageError("an empty password keeps nobody out")
    # They would be hashed all right, and then keep out everybody. A NUL at the end keeps out nobody: HMAC fills its key up with NULs, so the
    # hash is that of the password without it.
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
        raise click.UsageError("a password has no control characters: clients may not send any (RFC 7617 section 2)")
    # The salt comes from here, since what makes the hash is pure. Alone on standard output, so that a script can take it.
    click.echo(write_hash(text.encode(), os.urandom(16)))
