"""The nearest name to one that is unknown: what turns an error into an answer. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

# difflib looks at every candidate for some 20 us. With 10,000 clusters a typing error must not
# hold the master for 200 ms, so only so many are compared, of those whose length alone does not rule them out.
CANDIDATES = 500
CUTOFF = 0.6


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that is most like this one, or None when none is close."""
    # To difflib `Blog` and `blog` differ in a letter; to whoever has typed it that is no difference.
    folded = {known.lower(): known for known in islice(_of_like_length(name, names), CANDIDATES)}
    if not folded:
        return None  # difflib would first look at every letter of the name, which may have a million
    found = get_close_matches(name.lower(), folded, n=1, cutoff=CUTOFF)
    return folded[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`; did you mean "blog"?`, or nothing: the end of a sentence."""
    found = nearest(name, names)
    return f'; did you mean "{found}"?' if found is not None else ""


def _of_like_length(name: str, names: Iterable[str]) -> Iterable[str]:
    # difflib's ratio is twice the common letters over all letters, so the shorter name bounds it.
    return (known for known in names if 2 * min(len(known), len(name)) >= CUTOFF * (len(known) + len(name)))
