import pytest

from sozu.proxy.heads.remembering import Memory, Turn


class Someone:
    def __init__(self, memory: Memory) -> None:
        self.known: dict[bytes, object] = {}
        memory.join(self)


class House:
    def __init__(self, size: int = 100_000) -> None:
        self.turns: list[Turn] = []
        self.memory = Memory(size, self.turns.append)
        self.one, self.other = Someone(self.memory), Someone(self.memory)

    def run(self) -> int:
        count = 0
        while self.turns:
            self.turns.pop()()
            count += 1
        return count


@pytest.fixture
def house() -> House:
    return House()


def test_a_head_is_known_by_its_face_from_the_second_time_on(house: House) -> None:
    assert [house.memory.is_known_face(b"a"), house.memory.is_known_face(b"a"), house.memory.is_known_face(b"b")] == [False, True, False]


def test_what_is_kept_is_one_s_own(house: House) -> None:
    house.memory.keep(house.one, b"a", 1)
    assert (house.one.known, house.other.known) == ({b"a": 1}, {})


def test_all_forget_together(house: House) -> None:
    house.memory.keep(house.one, b"a", 1)
    house.memory.keep(house.other, b"b", 2)
    house.memory.forget()
    assert (house.one.known, house.other.known) == ({}, {})


def test_the_room_is_shared_and_all_is_forgotten_when_it_is_used_up(house: House) -> None:
    for number in range(10_000):
        house.memory.keep((house.one, house.other)[number % 2], b"%d" % number, number)
        assert len(house.one.known) + len(house.other.known) < 100
    assert house.one.known


def test_large_heads_take_more_room(house: House) -> None:
    for number in range(1000):
        house.memory.keep(house.one, b"%0*d" % (2000, number), number)
        assert len(house.one.known) <= 19


def test_thousands_are_let_go_of_in_slices() -> None:
    house = House(10_000_000)
    for number in range(5_000):
        house.memory.keep(house.one, b"%d" % number, number)
    gone = house.one.known
    house.memory.forget()
    house.memory.forget()
    assert len(gone) == 5_000
    house.turns.pop()()
    assert len(gone) == 5_000 - 256
    assert house.run() == 19
    assert not gone


def test_whoever_is_gone_takes_no_room_after_the_next_forgetting(house: House) -> None:
    for _ in range(50):
        passer_by = Someone(house.memory)
        house.memory.keep(passer_by, b"x" * 300, 0)
        del passer_by
    house.memory.keep(house.one, b"a", 1)
    assert house.one.known == {b"a": 1}
