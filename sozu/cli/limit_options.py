"""Settings as options of a verb: `--timeout NAME=SECONDS` and `--set NAME=VALUE`, which may be repeated. Pure."""

from collections.abc import Callable, Iterable, Mapping
import json
from math import isfinite, nan
from typing import Any, TypeVar

import click
import msgspec

from sozu.command.facts import Timeouts
from sozu.command.nearest import did_you_mean
from sozu.command.orders import Order

AnOrder = TypeVar("AnOrder", bound=Order)


def timeouts_in(words: Iterable[str], others: Callable[[], Timeouts]) -> Timeouts | None:
    """Those that are named, the rest as in `others`, which are asked for if one is named; None if none is. Raises click.BadParameter."""
    limits = dict(map(_limit, words))
    # A struct of four: there is no order that changes one of them alone, so those that were not named have to come from somewhere.
    return Timeouts(**{**_fields(others()), **limits}) if limits else None


def named_settings(words: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` each; a value that is not JSON is a text. Raises click.BadParameter."""
    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"{word!r}: expected NAME=VALUE")
        try:
            # JSON first, a text if it is none: numbers and mappings need no syntax of ours, and `sticky=SITE` needs no quotes within quotes of the shell.
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


def settings_on(order: AnOrder, settings: Mapping[str, Any]) -> AnOrder:
    """The order with these settings. Raises click.BadParameter."""
    # By hand and not by msgspec, which ignores what it does not know: a setting that is mistyped would be a change that never happened.
    known = {name: value for name, value in settings.items() if name in order.__struct_fields__}
    if unknown := sorted(settings.keys() - known.keys()):
        raise click.BadParameter(f"no setting is called {unknown[0]!r}{did_you_mean(unknown[0], order.__struct_fields__)}")
    try:
        # By way of plain values, since `structs.replace` checks no types: whatever the user wrote would be sent, and refused with less to go by.
        return msgspec.convert(msgspec.to_builtins(order) | known, type(order))
    except msgspec.ValidationError as error:
        raise click.BadParameter(str(error)) from error


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
