"""Why an order cannot be carried out."""


class Objection(Exception):
    """Why one order cannot be carried out; `field` names the part of it that is wrong, if one is."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


class Unknown(Objection):
    """The order names something that is not there; in good order itself, it may be right at another time."""
