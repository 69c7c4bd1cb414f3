"""Why an order cannot be carried out."""


class Objection(Exception):
    """Why one order cannot be carried out; `field` names the part of it that is wrong, if one is."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


# Told apart by its type and not by its text: `code_of` makes `unknown-…` of it where other Objections become `bad-…`.
class Unknown(Objection):
    """The order names something that is not there; in good order itself, it may be right at another time."""
