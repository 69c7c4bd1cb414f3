"""How this executable is started in its other parts. Both are exec'ed from the disk: what is there then is what runs."""

from typing import Final

from sozu.birth import PROGRAM, WORKER
from sozu.master import Programs

PROGRAMS: Final = Programs(worker=WORKER, heir=(*PROGRAM, "heir"))
