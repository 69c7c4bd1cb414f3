"""Fused and step by step, every grammar says the same: value, end, offset of the error, Incomplete; and says it for good."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from fuzz.grammars import ALPHABET, grammar, mutated, sentence
from sozu.parsers.fuse import Fused, fuse
from sozu.parsers.result import Complete, Done, Error, Incomplete, Outcome, run
from sozu.parsers.whole import whole

if TYPE_CHECKING:
    from fuzz.conftest import Rounds
    from sozu.parsers.regular import Regular

INPUTS_PER_GRAMMAR = 40


def facts(outcome: Outcome[Any]) -> tuple[Any, ...]:
    """What of an outcome is compared."""
    match outcome:
        case Done():
            return ("done", outcome.end, outcome.value)
        case Error():
            return ("error", outcome.position)
        case Incomplete():
            return ("incomplete",)


def same(fused: Fused[Any], stepwise: Regular[Any], data: bytes, pos: int = 0) -> tuple[Any, ...]:
    """Both readings of `data`, which must be one."""
    fast, slow = facts(run(fused, data, pos)), facts(run(stepwise, data, pos))
    assert fast == slow, (fused.tree, data, pos, fast, slow)
    return fast


def same_whole(fused: Fused[Any], stepwise: Regular[Any], data: bytes) -> None:
    """Both readings of a value that must take all of `data`: for what is left over, fused parsers have a way of their own."""
    fast, slow = whole(fused, data), whole(stepwise, data)
    if isinstance(fast, Error):
        fast, slow = fast.position, getattr(slow, "position", slow)
    assert fast == slow, (fused.tree, data, fast, slow)


def test_random_grammars_read_the_same_fused_and_step_by_step(rounds: Rounds) -> None:
    for seed in rounds():
        rng = Random(seed)
        stepwise = grammar(rng)
        fused = fuse(stepwise)
        for _ in range(INPUTS_PER_GRAMMAR):
            data = mutated(rng, sentence(rng, stepwise.tree))
            said = same(fused, stepwise, data)
            same(fused, stepwise, Complete(data))
            same(fused, stepwise, b"ab" + data, 2)
            same_whole(fused, stepwise, data)
            extended = data + bytes(rng.choices(ALPHABET, k=rng.randint(1, 3)))
            later = same(fused, stepwise, extended)
            assert said in (("incomplete",), later), (stepwise.tree, data, extended)
