"""The command socket, seen from the master: tools come in, ask, and are answered.

door          who may come in
conversation  one tool's connection
tool          what a verb knows of who asks, and how it may end
verbs         one small answer per verb
watching      the long wait of `remove_backend`
"""
