"""What comes before HTTP on a connection, or instead of it: binary records that a proxy reads from the wire.

proxy_protocol.py (who really connected), client_hello.py (which name TLS is asked for), http2.py (frames). Each is read and, where the proxy
has to say it as well, written. None of them decides anything: what to do with an answer is the caller's.
"""
