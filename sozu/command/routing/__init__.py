"""What the route table is made of; sozu.command.routes is the door, docs/routing.md the rules in words.

    conditions   what a frontend asks of a request besides host and path: method, header fields, query, cookies
    paths        the path rules of one hostname: which route does a path take?
    hosts        the frontends of one hostname, by position and listener
Pure, and read for each request whose head has not come before.
"""
