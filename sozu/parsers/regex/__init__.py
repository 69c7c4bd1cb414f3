"""Regular expressions that match in linear time, whatever they say and whatever they meet: for rules that operators write, on text that anybody sends.

    tree        what an expression means: sets of bytes, one after the other, one or the other, so many times
    grammar     the syntax, a subset of Python's `re` and of RE2, read by our combinators
    automaton   the expression as a table: one look-up for each byte of the text, and no way back

`compile_regex(pattern)` is the door. An expression has to match the whole text. Python's `re` backtracks: `(a+)+b` on thirty letters holds a
worker for a minute, so it never sees an operator's expression. There are no groups to be read and no lookaround: rules ask yes or no.
"""

from sozu.parsers.regex.automaton import BadRegex, Regex, compile_regex

__all__ = ["BadRegex", "Regex", "compile_regex"]
