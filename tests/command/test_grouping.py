from sozu.command.grouping import Grouping


def test_members_stay_in_the_order_in_which_they_came() -> None:
    grouping: Grouping[str, int] = Grouping()
    for member in (3, 1, 2, 1):
        grouping.add("g", member)

    assert list(grouping.members("g")) == [3, 1, 2]
    assert list(grouping.members("unknown")) == []


def test_a_copy_leaves_the_original_as_it_was() -> None:
    original: Grouping[str, int] = Grouping()
    original.add("g", 1)
    original.add("h", 1)
    copy = original.copy()
    copy.add("g", 2)
    copy.remove("h", 1)

    assert list(original.members("g")) == [1]
    assert list(original.members("h")) == [1]
    assert list(copy.members("g")) == [1, 2]
    assert list(copy.members("h")) == []


def test_a_group_may_come_back_after_its_last_member_left() -> None:
    grouping: Grouping[str, int] = Grouping()
    grouping.add("g", 1)
    grouping.remove("g", 1)
    grouping.add("g", 2)

    assert list(grouping.members("g")) == [2]
