"""How messages call facts. Pure."""

from collections.abc import Iterator

from sozu.command.facts import Frontend, Match, Position


def frontend_name(frontend: Frontend) -> str:
    """How messages call a frontend: `blog.example.com/api`, with what narrows it."""
    listener = f" on {frontend.listener}" if frontend.listener is not None else ""
    # Path and conditions cannot be there (passing.py), and "/" would look like a path that is compared.
    if frontend.passthrough:
        return f"{frontend.hostname} (passed through){listener}"
    position = "" if frontend.position is Position.TREE else f" ({frontend.position})"
    return f"{place_name(frontend)}{_exactly(frontend)}{''.join(_conditions(frontend))}{position}{listener}"


def place_name(frontend: Frontend) -> str:
    """Hostname and path alone; expressions stand between slashes, and behind a tilde."""
    host = frontend.hostname if frontend.hostname_regex is None else f"/{frontend.hostname_regex}/"
    if frontend.path_regex is not None:
        return f"{host} ~ {frontend.path_regex}"
    # These are words for people, not keys: the default path is shown, so that `blog.example.com` and its "/" do not look like two.
    return f"{host}{frontend.path_exact or frontend.path or '/'}"


def _exactly(frontend: Frontend) -> str:
    return " (exactly)" if frontend.path_exact is not None else ""


def _conditions(frontend: Frontend) -> Iterator[str]:
    if frontend.methods:
        yield f" for {', '.join(frontend.methods)}"
    for kind, matches in (("header", frontend.headers), ("query", frontend.query), ("cookie", frontend.cookies)):
        for match in matches:
            yield f" with {kind} {_match_name(match)}"


def _match_name(match: Match) -> str:
    if match.regex is not None:
        return f"{match.name} ~ {match.regex}"
    if match.value is not None:
        return f"{match.name}={match.value}"
    return match.name if match.present else f"{match.name} absent"
