"""What stands inside HTTP field values: one file for each field, or family of fields, that a proxy looks into.

A field's grammar is read on a value that is complete, so each file has a `parse_…` function beside its grammar; the grammar itself streams
like every other. Field lines and heads are http1.py's, body length is body.py's.
"""
