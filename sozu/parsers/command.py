"""Frames of the command socket: each message is ended by one NUL byte (docs/command_protocol.md).

A frame's payload is opaque here: `sozu.command` knows that it is JSON. The grammar of a frame continues itself: what follows the
first half of a frame looks like a frame again. So the reader runs the grammar on new bytes only and keeps the halves in a list;
a frame of 2 MiB that comes in single bytes costs as much as one that comes whole.
"""

from __future__ import annotations

from typing import Final

from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag, take_while
from sozu.parsers.reasons import Reason, Refusal, refusal
from sozu.parsers.result import Done

# Both ends keep to it: what the master has to say that is longer goes in parts (ORDERS_LIMIT of sozu/command/channel.py).
LONGEST_FRAME: Final = 2 * 1024 * 1024
# JSON holds no raw control byte (RFC 8259 7: they are escaped), so a NUL can only be an end. A length in front would have to be
# trusted before the message is there, and could not be typed by hand.
NUL: Final = b"\0"
NOT_NUL: Final = bytes(range(1, 256))

# frame = *%x01-FF %x00
command_frame = take_while(NOT_NUL) << tag(NUL)
FRAME: Final = fuse(command_frame)


# Trusted code calls this, so a NUL is a bug and crashes; bytes from a peer are never judged by an assert.
def frame(payload: bytes) -> bytes:
    """The payload as it goes over the wire; a NUL inside would be two messages, hence a bug of the caller."""
    assert NUL not in payload
    return payload + NUL


class FrameReader:
    """Cuts a stream into payloads, whatever pieces it comes in; bytes are looked at once.

    `limit` bounds a payload in bytes, and so what an unfinished one may keep in memory.
    """

    __slots__ = ("_held", "_limit", "_parts")

    def __init__(self, limit: int = LONGEST_FRAME) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0

    def feed(self, data: bytes) -> list[bytes] | Refusal:
        """The payloads that `data` completes, or the refusal of one that is over the limit, at its offset in `data`.

        After a refusal the stream has no meaning any more, and payloads before it in the same piece are lost: answer once and close.
        """
        frames: list[bytes] = []
        position = 0
        while position < len(data):
            # Never over what is held: half a frame holds no NUL, so a new piece is searched alone, and a frame in single bytes is not read again for each.
            found = FRAME.fused(data, position)
            piece = found.value if isinstance(found, Done) else data[position:]
            # Before the piece is kept: a peer that never sends a NUL makes us hold as much as the limit and no byte more.
            if self._held + len(piece) > self._limit:
                return refusal(Reason.FRAME_TOO_LONG, position + self._limit - self._held)
            self._held += len(piece)
            self._parts.append(piece)
            if not isinstance(found, Done):
                break
            frames.append(self._take())
            position = found.end
        return frames

    @property
    def unfinished(self) -> bool:
        """Is a frame half read? Then the end of the stream cuts it short."""
        return bool(self._held)

    @property
    def held(self) -> bytes:
        """The half of a frame that has come. A new reader that is fed it goes on where this one was."""
        # For an upgrade: the next master takes over connections of tools and channels in the middle of a message, and begins with these bytes.
        return b"".join(self._parts)

    def _take(self) -> bytes:
        payload = self.held
        self._parts.clear()
        self._held = 0
        return payload
