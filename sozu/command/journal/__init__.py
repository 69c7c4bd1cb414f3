"""The journal: the file that holds every committed transaction, one JSON line each, appended and fsynced before anybody is told.

It is the memory of a proxy that is configured by diffs: after a restart it is replayed, and what tools changed wins over the configuration file.
The lock on it keeps two masters apart. `write` may run in a thread, and syncs once for several transactions. A last line without
its line feed was never acknowledged (the power failed while it was written): it is cut off, and `torn` tells. Damage anywhere else is for a person to judge:
nothing is loaded then. When it has grown, the earliest records become one (`compact`); the last 10,000 stay for `log` and `rollback`.

    record      one line, with its check
    replaying   records -> state
    compaction  a shorter journal that says the same
    disk        fsync, and files that appear whole or not at all
    file        the open journal
    saved       a state in a file of its own
    errors      why it cannot be used
"""

from sozu.command.journal.errors import JournalDamaged, JournalError, JournalLocked, JournalUnusable
from sozu.command.journal.file import Journal, Torn, read_aside, read_records
from sozu.command.journal.record import Record
from sozu.command.journal.replaying import state_after

__all__ = [
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalLocked",
    "JournalUnusable",
    "Record",
    "Torn",
    "read_aside",
    "read_records",
    "state_after",
]
