"""What a frontend may do to the requests that it takes, as data, and what is needed to read such data. Pure.

    facts       the settings: redirects, header edits, Basic authentication…
    templates   texts with {places}, for redirects and answers
    passwords   hashes of passwords: which are taken, and does one fit?
    networks    lists of addresses and networks: is this one among them?
Whether a setting makes sense is checked by sozu.command.rules; it is carried out by sozu.proxy.edits. docs/routing.md has the examples.
"""
