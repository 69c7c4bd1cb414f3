"""Certificates: from PEM text to a fact, and from a name asked for to the certificates that answer.

`pem` takes blocks out of a text, `chains` puts certificates in order, `keys` looks at private keys, `examining` makes a fact of them or says
all that is wrong; `names` tells whom a certificate covers, `admitting` completes orders, `table` which one a handshake gets. All pure; `loading` alone hands one to OpenSSL.
"""
