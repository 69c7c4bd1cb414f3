"""What stands inside HTTP field values: one file for each field, or family of fields, that a proxy looks into.

The grammars stream like all others, but a field value is usually complete: `whole(grammar, value)` (whole.py) gives the meaning of all of it,
or the Error. Field lines and heads are http1.py's, body length is body.py's. Nothing here decides whom to believe.
"""
