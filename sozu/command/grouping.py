"""A two-level index with cheap copies: group -> its members, in the order in which they came. Pure.

State and route table keep one each to know what hangs on a cluster. Nearly all groups are small, and ten thousand dicts of one member would be what
most of a large state consists of: so up to a few members are a tuple. A copy shares the dicts of large groups with the
original and copies one when it is first written to, so that one change among 10,000 groups costs one copy.
The bargain: once an index was copied, only the copy may be written to.
"""

from collections.abc import Collection, Hashable
from typing import Final, Generic, TypeVar

Group = TypeVar("Group", bound=Hashable)
Member = TypeVar("Member", bound=Hashable)

# While they are few, members are cheaper as a tuple: four have 72 bytes, a dict of one 224 (CPython 3.11), and clusters are many.
_FEW: Final = 4


class Grouping(Generic[Group, Member]):
    """Which members each group has; a group without members is not held."""

    __slots__ = ("_groups", "_owned")

    def __init__(self) -> None:
        self._groups: dict[Group, tuple[Member, ...] | dict[Member, None]] = {}
        # Which dicts are ours alone; all others may belong to an index that somebody reads just now. Tuples need no such note: they
        # are replaced and never written to.
        self._owned: set[Group] = set()  # of the large ones

    def copy(self) -> "Grouping[Group, Member]":
        """An index to write to; from here on this one is only read."""
        twin: Grouping[Group, Member] = Grouping()
        # The dict of groups alone, whose ten thousand references are copied in 0.2 ms; the members of each would be as many copies.
        twin._groups = self._groups.copy()
        return twin

    def members(self, group: Group) -> Collection[Member]:
        """The members in order of arrival; a view that is not to be iterated while writing."""
        return self._groups.get(group, ())

    def add(self, group: Group, member: Member) -> None:
        """Put a member into a group; it may be there already."""
        members = self._groups.get(group, ())
        # A large group never becomes a tuple again: one that goes back and forth between four members and five would be copied each
        # time.
        if isinstance(members, tuple) and len(members) < _FEW:
            if member not in members:
                self._groups[group] = (*members, member)
        else:
            self._own(group)[member] = None

    def remove(self, group: Group, member: Member) -> None:
        """Take a member that is there away."""
        members = self._groups[group]
        if isinstance(members, tuple):
            # Not by a set: the order of arrival stays, in which a cluster's backends are asked in turn.
            left = list(members)
            left.remove(member)
            self._groups[group] = tuple(left)
        else:
            del self._own(group)[member]
        if not self._groups[group]:
            # An empty group would keep a cluster's name alive, and make two indexes differ that say the same.
            del self._groups[group]
            self._owned.discard(group)

    def _own(self, group: Group) -> dict[Member, None]:
        members = self._groups[group]
        if group not in self._owned or isinstance(members, tuple):
            members = self._groups[group] = dict.fromkeys(members)
            self._owned.add(group)
        return members
