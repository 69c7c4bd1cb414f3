"""Paths and addresses as the file writes them: relative ones are taken from the file's folder."""

import os
from pathlib import Path

_UNIX = "unix:"


class NoPath(ValueError):
    """No file can have this name; the text says why."""


class Folder:
    """The folder of a configuration file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, text: str) -> str:
        """An absolute path; `~` is the home of the user who reads the file. Raises NoPath."""
        if "\0" in text:
            raise NoPath("the name of a file holds no NUL")
        # Absolute at once: tools, which the master tells its settings, stand in other folders than the one that the path began in.
        try:
            return str(Path(os.path.normpath(self._folder / Path(text).expanduser())))
        except RuntimeError as error:  # pathlib's word for it
            raise NoPath(f'there is no home of "{text.partition("/")[0]}" ("./~…" is a file of that name)') from error

    def address(self, text: str) -> str:
        """An address whose unix path, if it has one, is absolute. It may still be no address at all."""
        # What is no address stays as the user wrote it, so that the rules can show it to him in his own words.
        if not text.startswith(_UNIX):
            return text
        try:
            return f"{_UNIX}{self.path(text.removeprefix(_UNIX))}"
        except NoPath:
            return text


def journal_beside(command_socket: str) -> str:
    """Where the journal is if nobody says: beside the command socket, under its name."""
    # So two masters in one folder, each with a socket of its own, have two journals without being told.
    return str(Path(command_socket).with_suffix(".journal"))
