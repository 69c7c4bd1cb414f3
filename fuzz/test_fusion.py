"""Fused and step by step, every grammar says the same: value, end, offset of the error, Incomplete; and says it for good."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from fuzz.grammars import ALPHABET, grammar, grammar_of_a_list, mutated, sentence
from sozu.parsers.fuse import Fused, fuse
from sozu.parsers.result import Complete, Done, Error, Incomplete, Outcome, run
from sozu.parsers.whole import whole

if TYPE_CHECKING:
    from fuzz.conftest import Rounds
    from sozu.parsers.regular import Regular
    from sozu.parsers.tree import Node

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


def unrolled_like_plain(rng: Random, stepwise: Regular[Any], item: Node) -> bool:
    """May it be unrolled? If so, it reads as it does when it is not, however many items there are."""
    try:
        unrolled = fuse(stepwise, unroll=True)
    except ValueError as error:
        assert "unrolled" in str(error)  # noqa: PT017 - and not the certificate
        return False
    plain = fuse(stepwise)
    for items in (0, 1, 2, 4, *(rng.randint(0, 200) for _ in range(6))):
        data = sentence(rng, stepwise.tree)
        at = rng.randint(0, len(data))
        data = data[:at] + b"".join(sentence(rng, item) for _ in range(items)) + data[at:]
        for each in (data, mutated(rng, data)):
            for variant in (unrolled.variant(unroll=1), unrolled.variant(unroll=2)):
                assert variant.read(each, 0) == plain.quick.read(each, 0), (stepwise.tree, each)
            assert facts(run(unrolled, each)) == facts(run(plain, each)), (stepwise.tree, each)
    return True


def test_random_lists_read_the_same_unrolled(rounds: Rounds) -> None:
    for seed in rounds():
        rng = Random(seed)
        unrolled_like_plain(rng, *grammar_of_a_list(rng))


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
