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
        return str(Path(os.path.normpath(self._folder / Path(text).expanduser())))

    def address(self, text: str) -> str:
        """An address whose unix path, if it has one, is absolute. It may still be no address at all."""
        return f"{_UNIX}{self.path(text.removeprefix(_UNIX))}" if text.startswith(_UNIX) else text


def journal_beside(command_socket: str) -> str:
    """Where the journal is if nobody says: beside the command socket, under its name."""
    return str(Path(command_socket).with_suffix(".journal"))
