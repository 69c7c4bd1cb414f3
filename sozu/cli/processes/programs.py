"""How this executable is started in its other parts. Both are exec'ed from the disk: what is there then is what runs."""

from typing import Final

from sozu.birth import PROGRAM, WORKER
from sozu.master import Programs

# Commands, and no functions that would be called after a fork: a fork has the code in memory, which an upgrade is there to leave behind.
PROGRAMS: Final = Programs(worker=WORKER, heir=(*PROGRAM, "heir"))
