"""Paths and addresses as the file writes them: relative ones are taken from the file's folder."""

import os
from pathlib import Path

_UNIX = "unix:"


class Folder:
    """The folder of a configuration file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, text: str) -> str:
        """An absolute path; `~` is the home of the user who reads the file."""
        # Absolute at once: tools, which the master tells its settings, stand in other folders than the one that the path began in.
        return str(Path(os.path.normpath(self._folder / Path(text).expanduser())))

    def address(self, text: str) -> str:
        """An address whose unix path, if it has one, is absolute. It may still be no address at all."""
        # What is no address stays as the user wrote it, so that the rules can show it to him in his own words.
        return f"{_UNIX}{self.path(text.removeprefix(_UNIX))}" if text.startswith(_UNIX) else text


def journal_beside(command_socket: str) -> str:
    """Where the journal is if nobody says: beside the command socket, under its name."""
    # So two masters in one folder, each with a socket of its own, have two journals without being told.
    return str(Path(command_socket).with_suffix(".journal"))
