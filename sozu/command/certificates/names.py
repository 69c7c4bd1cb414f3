"""Whom a certificate covers: how a hostname is compared with the names that it has (RFC 9525 section 6.3). Pure; its names were read by `subjects`."""

from collections.abc import Collection

STAR = "*."


def patterns(hostname: str) -> tuple[str, ...]:
    """What may cover a hostname, the most specific first: itself, and the wildcard for its first label. Addresses have none."""
    # A wildcard stands for one whole label of a DNS name (RFC 9525 section 6.3). Without this line "*.0.0.1" would cover 10.0.0.1.
    # A frontend's own wildcard is covered by the very same wildcard only: a name below it says nothing about its neighbours.
    if hostname.startswith((STAR, "[")) or _is_ipv4(hostname):
        return (hostname,)
    _, dot, parent = hostname.partition(".")
    return (hostname, STAR + parent) if dot and parent else (hostname,)


def covers(names: Collection[str], hostname: str) -> bool:
    """Is a certificate with these names good for this hostname (or for all that a wildcard hostname stands for)?"""
    return any(pattern in names for pattern in patterns(hostname))


def _is_ipv4(hostname: str) -> bool:
    # No top-level domain is made of digits alone (RFC 3696 section 2), so the last label tells; hostnames come here in normal form.
    last = hostname.rpartition(".")[2]
    return last.isascii() and last.isdigit()
