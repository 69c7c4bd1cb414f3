"""What a change would mean, told before it is made. Pure: the master answers `plan` with it, the command line shows it.

changes   the effects of a transaction as rows: + - ~ per object
shadows   frontends that can never match, and who stands before them
witnesses requests made for a frontend
"""
