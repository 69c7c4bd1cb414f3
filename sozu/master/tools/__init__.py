"""The command socket, seen from the master: tools come in, ask, and are answered.

door          who may come in
conversation  one tool's connection
tool          what a verb knows of who asks, and how it may end
verbs         which answer belongs to which verb
changing      verbs that change the configuration
collecting    transactions of several messages
rehearsing    what a change would mean
looking       verbs that change nothing
watching      the long wait of `remove_backend`
words         outcomes and refusals, said
"""
