"""What h11 and httptools (llhttp) make of a whole stream of requests, in the words of our own verdicts. (peers.py compares first messages.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h11
import httptools


@dataclass
class Message:
    """One request as a peer understood it; `whole` when its body ended too."""

    method: bytes = b""
    target: bytes = b""
    body: bytes = b""
    whole: bool = False


@dataclass
class Reading:
    """All requests that a peer found, and its answer: accept, refuse, incomplete."""

    messages: list[Message]
    answer: str


def by_h11(data: bytes) -> Reading:
    """A fresh server connection, which answers each request so that the next may come."""
    connection = h11.Connection(h11.SERVER)
    messages: list[Message] = []
    connection.receive_data(data)
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError:
            return Reading(messages, "refuse")
        match event:
            case h11.Request(method=method, target=target):
                messages.append(Message(bytes(method), bytes(target)))
            case h11.Data(data=body):
                messages[-1].body += bytes(body)
            case h11.EndOfMessage():
                messages[-1].whole = True
                if not began_again(connection):
                    return Reading(messages, "accept")
            case _:
                is_over = bool(messages) and messages[-1].whole and not connection.trailing_data[0]
                return Reading(messages, "accept" if is_over else "incomplete")


def began_again(connection: h11.Connection) -> bool:
    """Answer, and begin the next exchange if the connection is kept."""
    connection.send(h11.Response(status_code=403, headers=[(b"content-length", b"0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


class Listener:
    """httptools' callbacks."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.parser: Any = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        self.messages.append(Message())

    def on_url(self, url: bytes) -> None:
        self.messages[-1].target += url

    def on_headers_complete(self) -> None:
        self.messages[-1].method = self.parser.get_method()

    def on_body(self, body: bytes) -> None:
        self.messages[-1].body += body

    def on_message_complete(self) -> None:
        self.messages[-1].whole = True


def by_httptools(data: bytes) -> Reading:
    """A fresh request parser."""
    listener = Listener()
    try:
        listener.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        return Reading(listener.messages, "accept")
    except httptools.HttpParserError:
        return Reading(listener.messages, "refuse")
    is_over = bool(listener.messages) and listener.messages[-1].whole
    return Reading(listener.messages, "accept" if is_over else "incomplete")
