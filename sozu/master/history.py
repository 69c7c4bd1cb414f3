"""What was: the revisions that the journal tells, read from its file beside whatever is being written to it."""

from pathlib import Path

from sozu.command.journal import Record, read_records, state_after
from sozu.command.state import ConfigState
from sozu.master.aside import Aside


class NoSuchRevision(Exception):
    """The journal does not tell what this revision was."""


class History:
    """The past of one journal."""

    def __init__(self, journal: Path, aside: Aside) -> None:
        # The file, and not a list in memory: ten thousand revisions would stay there for a question that is seldom
        # asked. The clerk may write and compact meanwhile: a record is read once its line has its end, and a compaction
        # renames a whole file into place, so that whoever opens the path finds one or the other.
        self._path, self._aside = journal, aside

    def records(self, last: int) -> list[Record]:
        """Up to this revision, oldest first; a base among them stands for all before it. Raises JournalError."""
        # One that is being written just now may yet be taken back.
        return [record for record in self._aside.call(read_records, self._path) if record.revision <= last]

    def state_at(self, revision: int) -> ConfigState:
        """What the configuration was. Raises NoSuchRevision or JournalError."""
        records = self.records(revision)
        # It has to be this very revision. Those before the base are gone, and to
        # fall back on a neighbour would roll back to what nobody has asked for.
        if not records or records[-1].revision != revision:
            raise NoSuchRevision(f"the journal does not tell what revision {revision} was (`sozu log` shows those it knows)")
        return self._aside.call(state_after, self._path, records)
