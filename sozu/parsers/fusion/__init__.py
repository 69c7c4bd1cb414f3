"""How a syntax tree becomes one pattern that C runs. Read in this order:

    analysis    FIRST sets and the certificate: which trees may be fused at all
    emission    tree -> pattern of `re`
    prefix      tree -> pattern of the longest prefix that could still become right
    decoding    tree -> pattern with groups, and the Python expression that makes the value out of them
    outline     tree -> lines to read
Users need none of these: sozu.parsers.fuse is the door.
"""
