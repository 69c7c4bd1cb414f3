"""TLS to clients and to backends (docs/tls.md)."""
