"""Values in YAML's flow style: texts in double quotes, as in JSON, so that none can be mistaken for a number, a truth value or an alias. Pure."""

from collections.abc import Mapping
from decimal import Decimal
import json
import re
from typing import Any, Final

# YAML 1.2 section 5.1 takes them in no other way than escaped, or (U+0085, U+2028 and U+2029) as the end of a line; libyaml refuses U+FEFF as well.
_UNWRITABLE: Final = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def flow(value: Any) -> str:
    """A value in one line, which is read back as the same."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{name}: {flow(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
        case float():
            return f"{Decimal(repr(value)):f}"  # an exponent would make a text of it
        case _:
            # `ensure_ascii` would write what is beyond 16 bits as two surrogates, as JSON has to; YAML has no pairs, and libyaml refuses either half.
            return in_one_line(json.dumps(value, ensure_ascii=False))


def in_one_line(text: str) -> str:
    """The text as a comment can hold it, or what stands in quotes already: what YAML would not take, or take for the end of the line, is escaped."""
    return _UNWRITABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
