"""Answers to an HTTP/1 client: `answerer` gives them, `plans` says how a response is framed for it (pure), `sending` gets out what is not small and plain.

`dressing` and `accidents` say what a client is told of a failure.
"""

from sozu.proxy.answering.answerer import Answerer

__all__ = ["Answerer"]
