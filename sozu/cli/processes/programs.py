"""How this executable is started in its other parts. Both are exec'ed from the disk: what is there then is what runs."""

import sys
from typing import Final

from sozu.master import Programs

_SOZU: Final = (sys.executable, "-m", "sozu")
PROGRAMS: Final = Programs(worker=(*_SOZU, "worker"), heir=(*_SOZU, "heir"))
