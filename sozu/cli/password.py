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
    given = click.prompt("Password", hide_input=True, confirmation_prompt=True) if asked else sys.stdin.readline()
    text = given.removesuffix("\n")
    if not text:
        raise click.UsageError("an empty password keeps nobody out")
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
        raise click.UsageError("a password has no control characters: clients may not send any (RFC 7617 section 2)")
    click.echo(write_hash(text.encode(), os.urandom(16)))
