"""The processes of the proxy: how its parts are started, and the verbs that replace them while it serves."""
