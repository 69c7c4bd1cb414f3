"""By what a request may be tied to a backend: hash keys. Pure."""

from sozu.command.rules.conditions import why_no_cookie, why_no_field
from sozu.command.rules.objections import Objection

SOURCE = "source"


def hash_key_in(text: str) -> str:
    """`source`, `header:NAME` or `cookie:NAME`; a header's name in lower case. Raises Objection."""
    kind, _, name = text.partition(":")
    if text == SOURCE:
        return text
    if kind == "header":
        name = name.lower()
        fault = why_no_field(name)
    elif kind == "cookie":
        fault = why_no_cookie(name)
    else:
        fault = f'{text!r}: a hash key is "source", "header:NAME" or "cookie:NAME"'
    if fault is not None:
        raise Objection(fault, "hash_on")
    return f"{kind}:{name}"
