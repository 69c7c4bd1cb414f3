"""The settings of a frontend that change requests or answers, as they stand in orders, in the state and in the configuration file."""

from typing import Annotated

import msgspec


class Edit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a frontend's settings."""


class Redirect(Edit, frozen=True, kw_only=True):
    """Answer with this status, and a Location made from the template `to`."""

    to: str
    # Not 301, which browsers may keep without being told to (RFC 9110 15.4.2): a mistake would outlive its mending.
    status: int = 302


class HeaderEdit(Edit, frozen=True, kw_only=True):
    """One change of a head: `set` a field (whatever there was), `add` one more, or `remove` all of that name. `always`: in the proxy's own answers too."""

    # Named as they are written in a file; rules/edits.py sees to it that exactly one is there.
    set: str | None = None
    add: str | None = None
    remove: str | None = None
    value: str = ""
    always: bool = False


class User(Edit, frozen=True, kw_only=True):
    """Who may come in, and the hash of the password (sozu.command.edits.passwords)."""

    name: str
    # A password itself is in no fact: facts go into the journal, into exported files and to every worker.
    hash: str

    def __repr__(self) -> str:
        """Name the user and never show the hash."""
        return f"User({self.name!r})"


class BasicAuth(Edit, frozen=True, kw_only=True):
    """Ask for a name and a password (RFC 7617)."""

    users: tuple[User, ...]
    realm: str = "restricted"


class ForwardAuth(Edit, frozen=True, kw_only=True):
    """Ask this cluster first whether a request may pass, with a GET of `path` (which may have a query); fields named in `copy` go from its answer to the backend."""

    cluster: str
    path: str = "/"
    copy: tuple[str, ...] = ()


class Rate(Edit, frozen=True, kw_only=True):
    """So many requests in so many seconds from one client's address, on all workers together; `burst` at once (none: as many as `requests`)."""

    # Bounds stand beside the types: the door of the command socket, the file and the documentation know them from here.
    requests: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 1.0
    burst: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class Hsts(Edit, frozen=True, kw_only=True):
    """Strict-Transport-Security (RFC 6797) in answers over TLS; `max_age` in seconds."""

    # A year, the least that the browsers' preload list takes.
    max_age: int = 31_536_000
    include_subdomains: bool = False
    preload: bool = False


class AnswerPage(Edit, frozen=True, kw_only=True):
    """The body of the proxy's own answer with this status, from a template; `type` is its media type."""

    status: int
    body: str
    type: str = "text/plain; charset=utf-8"
