"""sozu: an HTTP reverse proxy that never stops.

How to read the house, from the ground up:
    sozu.parsers    bytes -> meaning -> bytes; no socket, no clock, no file
    sozu.command    the language of the command socket: orders, answers, state, configuration file, client
    sozu.master     processes, descriptors, state, the journal; gathers the workers' answers
    sozu.proxy      traffic: the data path of a worker
    sozu.cli        `sozu …`: arguments -> request -> rendered answer
The two wings, master and proxy, never import each other; they meet in sozu.command.
"""

__version__ = "0.2.0"
