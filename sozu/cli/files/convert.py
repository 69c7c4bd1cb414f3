"""`sozu convert FILE.toml`: a configuration of the upstream Sozu as one of ours, without a master."""

from pathlib import Path

import click

from sozu.cli.options import socket_option
from sozu.command.conversion import NotToml
from sozu.command.conversion import convert as converted


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write there; else to standard output.")
@socket_option
def convert(file: Path, output: Path | None) -> None:
    """
    Turn a configuration of the upstream Sozu (TOML) into one of ours (YAML). What has no equal is said on standard error, and in comments.

    \b
    Examples:
      sozu convert config.toml > sozu.yaml
      sozu convert config.toml -o sozu.yaml && sozu check sozu.yaml
    """
    try:
        conversion = converted(file.read_text("utf-8"))
    # TOML is UTF-8 by its definition, so what cannot be decoded is no TOML either.
    except (NotToml, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} is no TOML: {error}", param_hint="FILE") from error
    # Said twice, here and in the file: the one is read now, the other by whoever finds the file in a year.
    for note in conversion.notes:
        click.echo(note, err=True)
    if output is None:
        click.echo(conversion.text, nl=False)
    else:
        # Opened last: what cannot be converted leaves the file that is there as it was.
        output.write_text(conversion.text, "utf-8")
