"""Answers to an HTTP/1 client: `plans` says how a response is framed for it (pure), `sending` gets out what is not small and plain."""

from sozu.proxy.answering.plans import own_answer
from sozu.proxy.answering.sending import CarefulAnswer

__all__ = ["CarefulAnswer", "own_answer"]
