"""What users say of TLS: `certificate` is the verb, `reading` its files (a slow import, for the sake of what reads a certificate), `tls_options` the terms."""
