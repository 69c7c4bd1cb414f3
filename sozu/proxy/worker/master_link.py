"""The worker's end of its channel: one greenlet sends what many say, one listens. The end of the channel is no order."""

from collections.abc import Callable, Sequence
import logging

import gevent
from gevent.queue import SimpleQueue

from sozu.command.channel import Channel, ChannelError
from sozu.command.worker_protocol import FromMaster, Message

log = logging.getLogger("sozu.proxy")

Take = Callable[[FromMaster, list[int]], None]


class MasterLink:
    """What the worker knows of its master."""

    def __init__(self, channel: Channel[FromMaster]) -> None:
        self._channel = channel
        self._outbox: SimpleQueue[tuple[Message, Sequence[int]] | None] = SimpleQueue()
        self._writer = gevent.spawn(self._write)

    def say(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a message, with descriptors that stay ours, after those said before. Never waits, and says nothing to a master that is gone."""
        self._outbox.put((message, descriptors))

    def listen(self, take: Take) -> None:
        """Hand each message with its descriptors to `take`, until the channel ends. It is closed then.

        A master that lives, but has said what makes no sense here, learns by that end that nobody listens any more.
        """
        try:
            while True:
                take(*self._channel.receive())
        except (ChannelError, OSError) as error:
            log.warning("event=channel_ended reason=%r", str(error))
            self._channel.close()

    def close(self, seconds: float) -> None:
        """Send what was said, waiting this long at most, and hang up."""
        self._outbox.put(None)
        self._writer.join(seconds)
        self._channel.close()

    def _write(self) -> None:
        while (letter := self._outbox.get()) is not None:
            try:
                self._channel.send(*letter)
            except OSError as error:
                log.debug("event=channel_write_failed reason=%r", str(error))  # the listener learns of the end; what is said now is void
