"""How messages call facts. Pure."""

from sozu.command.facts import Frontend


def frontend_name(frontend: Frontend) -> str:
    """How messages call a frontend: `blog.example.com/api`, with what narrows it."""
    listener = f" on {frontend.listener}" if frontend.listener is not None else ""
    if frontend.path_exact is not None:
        return f"{frontend.hostname}{frontend.path_exact} (exactly){listener}"
    return f"{frontend.hostname}{frontend.path}{listener}"
