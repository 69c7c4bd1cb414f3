"""A two-level index with cheap copies: group -> its members, in the order in which they came. Pure.

State and route table keep one each to know what hangs on a cluster. A copy shares the inner dicts with the
original and copies one when it is first written to, so that one change among 10,000 groups costs one dict copy.
The bargain: once an index was copied, only the copy may be written to.
"""

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

Group = TypeVar("Group", bound=Hashable)
Member = TypeVar("Member", bound=Hashable)


class Grouping(Generic[Group, Member]):
    """Which members each group has; a group without members is not held."""

    __slots__ = ("_groups", "_owned")

    def __init__(self) -> None:
        self._groups: dict[Group, dict[Member, None]] = {}
        self._owned: set[Group] = set()

    def copy(self) -> "Grouping[Group, Member]":
        """An index to write to; from here on this one is only read."""
        twin: Grouping[Group, Member] = Grouping()
        twin._groups = self._groups.copy()
        return twin

    def members(self, group: Group) -> Collection[Member]:
        """The members in order of arrival; a view that is not to be iterated while writing."""
        return self._groups.get(group, {}).keys()

    def add(self, group: Group, member: Member) -> None:
        """Put a member into a group; it may be there already."""
        self._own(group)[member] = None

    def remove(self, group: Group, member: Member) -> None:
        """Take a member that is there away."""
        members = self._own(group)
        del members[member]
        if not members:
            del self._groups[group]
            self._owned.discard(group)

    def _own(self, group: Group) -> dict[Member, None]:
        if group not in self._owned:
            self._groups[group] = dict(self._groups.get(group, ()))
            self._owned.add(group)
        return self._groups[group]
