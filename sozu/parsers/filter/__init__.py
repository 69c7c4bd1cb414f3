"""The filter language of `tail --where 'status >= 500 and cluster == "x"'`: its grammar, its tree, and whether a record passes.

Nothing here knows where records come from: a record is a mapping of names to values.
"""
