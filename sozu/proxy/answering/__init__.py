"""Answers to an HTTP/1 client: `answerer` gives them, `plans` says how a response is framed for it (pure), `sending` gets out what is not small and plain."""

from sozu.proxy.answering.answerer import Answerer

__all__ = ["Answerer"]
