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
        # Without a bound, since who speaks must never wait: some do so in the hub, and a master that is being replaced reads nothing for a while.
        self._outbox: SimpleQueue[tuple[Message, Sequence[int]] | None] = SimpleQueue()
        # One greenlet for all that is sent: two senders would mix the parts of their frames as soon as the socket is full.
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
            # Closed by us as well: a master whose message we could not read would else go on waiting for an answer that will not come.
            log.warning("event=channel_ended reason=%r", str(error))
            self._channel.close()

    def close(self, seconds: float) -> None:
        """Send what was said, waiting this long at most, and hang up."""
        # Behind what was said: replies that are on their way reach the master before the end does.
        self._outbox.put(None)
        # A bound, because a master that was stopped reads nothing, and a worker that has drained should not stay because of it.
        self._writer.join(seconds)
        self._channel.close()

    def _write(self) -> None:
        # It goes on after a failure, and throws away what comes: else an orphan's queue would grow until the next master.
        while (letter := self._outbox.get()) is not None:
            try:
                self._channel.send(*letter)
            except OSError as error:
                log.debug("event=channel_write_failed reason=%r", str(error))  # the listener learns of the end; what is said now is void
