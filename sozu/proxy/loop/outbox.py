"""Small messages leave together, at the end of the loop's turn.

A send to a peer on another core wakes it; while we prepare the next message it has nothing to do and falls asleep again, so that each send
pays for a wake-up (about 3 us of ours on a virtual machine). Sent back to back, a turn's messages find most peers awake: 6 of 16 us of
system time per request are saved, and nobody waits longer than for the rest of a turn.

Only for whole messages whose writer goes on to read, or to be idle: a failure is not raised here, the next read finds it.
"""

from typing import Final

from gevent.hub import Hub

from sozu.proxy.stream import HEAD_SIZE, Stream

SMALL: Final = HEAD_SIZE  # bytes: what is larger wakes its reader for good reason, and would lie about in memory
MANY: Final = 64  # messages: do not let the first one wait for more


class Outbox:
    """Keeps the streams that have something to send. Belongs to one hub."""

    __slots__ = ("_hub", "_streams")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._streams: list[Stream] = []

    def post(self, stream: Stream, data: bytes) -> None:
        """Send `data` soon. Parks only if the peer has not yet taken what it got before, or the message is large; raises `Broken` then."""
        # Here back-pressure holds: what is queued may be there because the peer does not read, and a client that asks on and on
        # without reading its answers would otherwise have us keep them all.
        if stream.queued or len(data) > SMALL:
            stream.send(data)
        else:
            self.put(stream, data)

    def put(self, stream: Stream, data: bytes) -> None:
        """The same of any size, and never parks: for who knows that what the peer does not take will not become more and more."""
        if stream.queued:
            # It is on the list already, or a watcher sends it when the kernel takes more (Stream.send_queued). Either way somebody comes for it.
            stream.queued += data
            return
        stream.queued = data
        streams = self._streams
        if not streams:
            # gevent runs callbacks when the events of this turn are handled and before it asks the kernel for others: all that they gave
            # rise to is here by then.
            self._hub.loop.run_callback(self._send)
        streams.append(stream)
        if len(streams) >= MANY:
            self._send()

    def _send(self) -> None:
        # Where MANY were sent before the end of the turn the callback comes nevertheless, and finds those that were put here since, or none.
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.send_queued()
