"""`sozu …`: arguments -> request -> rendered answer. One small file per noun.

    program       the list of verbs; each is imported when it is called, so that a client verb starts fast
    options       what verbs share: --socket before or after the verb, --json
    conversation  the one answer loop, and the exit codes
    columns       rows as aligned columns or as JSON
    serve, demo   the master's door, and two small backends to look at it with
    check         the configuration file's errors, without a master
    stop, settings, listener, cluster, frontend, backend   a client verb each
    looking/      verbs that only look
    revisions/    verbs for the configuration as a whole
Only `serve` sees both wings and imports gevent; YAML is for those that read or write a configuration file.
"""
