"""A configuration of the upstream Sozu (TOML) as one of ours (YAML), and a list of what has no equal here. Pure.

    source      the upstream file: what is read of it is ticked off, so that nothing can be forgotten in silence
    listeners   its listeners
    ciphers     their terms of TLS
    clusters    its clusters with their backends
    frontends   which requests those take, and what is done with them
    answers     pages of listeners and clusters
    door        what of all this the master would take in
    converting  the file as a whole
    text        the result as YAML
Upstream's words are those of its `doc/configure.md`; what it says for a key that it does not have is upstream's default.
"""

from sozu.command.conversion.converting import Conversion, NotToml, convert

__all__ = ["Conversion", "NotToml", "convert"]
