"""Limits as options of a verb: `--timeout NAME=SECONDS`, which may be repeated. Pure."""

from collections.abc import Iterable
from math import isfinite, nan

import click

from sozu.command.facts import Timeouts


def timeouts_in(words: Iterable[str], others: Timeouts | None = None) -> Timeouts | None:
    """Those that are named, the rest as in `others`; None if none is. Raises click.BadParameter."""
    limits = dict(map(_limit, words))
    return Timeouts(**{**_fields(others or Timeouts()), **limits}) if limits else None


def _fields(timeouts: Timeouts) -> dict[str, float]:
    return {name: getattr(timeouts, name) for name in Timeouts.__struct_fields__}


def _limit(text: str) -> tuple[str, float]:
    name, _, seconds = text.partition("=")
    if name not in Timeouts.__struct_fields__:
        raise click.BadParameter(f"{text!r}: expected one of {', '.join(Timeouts.__struct_fields__)}, then =SECONDS")
    try:
        number = float(seconds)
    except ValueError:
        number = nan
    if not isfinite(number):  # "inf" and "nan" are floats, and no JSON
        raise click.BadParameter(f"{text!r}: expected a number of seconds after {name}=")
    return name, number
