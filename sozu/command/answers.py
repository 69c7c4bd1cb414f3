"""What the master says back: any number of PROCESSING, then exactly one OK or ERROR."""

from enum import StrEnum
from typing import Any

import msgspec


class Status(StrEnum):
    """PROCESSING is news on the way; OK and ERROR are final."""

    PROCESSING = "PROCESSING"
    OK = "OK"
    ERROR = "ERROR"

    @property
    def final(self) -> bool:
        """True for OK and ERROR."""
        return self is not Status.PROCESSING


# All four fields always, null and empty ones too: a client in a shell or another language finds them without asking whether they
# are there. Everything else that we write leaves out what says nothing.
class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One answer to the request of the same id. `data` is JSON of a shape that the verb documents."""

    id: str
    status: Status
    message: str = ""
    data: Any = None

    @property
    def final(self) -> bool:
        """True for OK and ERROR."""
        return self.status.final
