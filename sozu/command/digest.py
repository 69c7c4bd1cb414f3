"""A short name for everything that a state says, the same wherever and in whatever order it came about. Pure."""

from hashlib import blake2b

import msgspec

from sozu.command.state import ConfigState, orders_of


def digest(state: ConfigState) -> str:
    """Equal for states that say the same; the revision is no part of it."""
    encoder = msgspec.json.Encoder(order="deterministic")
    summary = blake2b(digest_size=16)
    for line in sorted(encoder.encode(order) for order in orders_of(state)):
        summary.update(line + b"\n")
    return summary.hexdigest()
