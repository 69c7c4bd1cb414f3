"""What a proxy wants to know of a head. sozu.parsers.views is the door.

    known_fields    the fields it acts on: valid values, duplicates, which fields end here
    field_rules     the careful reading, field by field, which defines what is refused
    slots           the pattern that reads the heads of daily traffic in one match
    blame           from the offset of a grammar error to its reason code
    plain_path      the one spelling of a path that routes compare and backends get
None of them reads a body: that is for body.py and chunked.py.
"""
