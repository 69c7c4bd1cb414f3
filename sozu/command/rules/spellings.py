"""How orders may write addresses, hostnames, paths and ids; what is none of them is an Objection. Pure."""


from sozu.command.addresses import BadAddress, is_usual, named_address, parse_address
from sozu.command.hostnames import BadHostname, BadPath, normal_hostname, normal_path
from sozu.command.remembering import remembered
from sozu.command.rules.objections import Objection

# An id stands in log lines as `cluster=ID`: a blank would end it there, a control character might end the line.
ID_LIMIT = 128
_KEPT = 1024  # spellings: a large state says few paths and addresses many times, and each hostname some times in a row


def check_id(name: str, kind: str, field: str) -> None:
    """Raise Objection if it is no id."""
    if not name or len(name) > ID_LIMIT or not name.isprintable() or " " in name:
        raise Objection(f"{name!r}: a {kind}'s id has 1 to {ID_LIMIT} visible characters and no spaces", field)


def address_in(text: str, field: str = "address") -> str:
    """An address, as the state spells it. Raises Objection."""
    # Not remembered like those below: `is_usual` is, and says yes to nearly all.
    if is_usual(text):
        return text
    try:
        return str(parse_address(text))
    except BadAddress as error:
        raise Objection(str(error), field) from error


@remembered(_KEPT)
def backend_address_in(text: str) -> str:
    """The same for a backend, which may be given by a name that is looked up while it serves. Raises Objection."""
    # A name is tried first: what DNS may know is no address that `parse_address` would take.
    named = named_address(text)
    return address_in(text) if named is None else f"{named[0]}:{named[1]}"


@remembered(_KEPT)
def hostname_in(text: str) -> str:
    """A hostname, as the state spells it. Raises Objection."""
    try:
        return normal_hostname(text)
    except BadHostname as error:
        raise Objection(str(error), "hostname") from error


@remembered(_KEPT)
def path_in(text: str, field: str) -> str:
    """A path. Raises Objection."""
    try:
        return normal_path(text)
    except BadPath as error:
        raise Objection(str(error), field) from error
