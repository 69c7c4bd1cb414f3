from sozu.command.facts import Listener, Protocol
from sozu.command.orders import AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.master.ports import remembered_ports, with_real_ports

HTTP = Protocol.HTTP


def listener(address: str) -> AddListener:
    return AddListener(protocol=HTTP, address=address)


def fact(address: str) -> Listener:
    return Listener(protocol=HTTP, address=address)


def test_port_0_is_resolved_once_and_frontends_of_the_listener_follow() -> None:
    asked: list[str] = []

    def listen(order: AddListener) -> str:
        asked.append(order.address)
        return "127.0.0.1:4321"

    orders: list[AnyOrder] = [
        listener("127.0.0.1:0"),
        AddCluster(cluster="a"),
        AddHttpFrontend(cluster="a", hostname="*", listener="127.0.0.1:0"),
        AddHttpFrontend(cluster="a", hostname="b", listener="127.0.0.1:80"),
    ]

    assert list(with_real_ports(orders, listen)) == [
        listener("127.0.0.1:4321"),
        AddCluster(cluster="a"),
        AddHttpFrontend(cluster="a", hostname="*", listener="127.0.0.1:4321"),
        AddHttpFrontend(cluster="a", hostname="b", listener="127.0.0.1:80"),
    ]
    assert asked == ["127.0.0.1:0"]


def test_a_restart_finds_the_port_that_the_kernel_chose_before() -> None:
    held = [fact("127.0.0.1:4321")]

    assert remembered_ports([listener("127.0.0.1:0")], held) == [listener("127.0.0.1:4321")]


def test_a_held_listener_that_the_file_names_is_not_taken_for_port_0() -> None:
    wanted: list[AnyOrder] = [listener("127.0.0.1:4321"), listener("127.0.0.1:0"), listener("[::1]:0")]

    assert remembered_ports(wanted, [fact("127.0.0.1:4321")]) == wanted


def test_two_listeners_at_port_0_get_two_of_the_held_ones() -> None:
    wanted: list[AnyOrder] = [listener("127.0.0.1:0"), listener("127.0.0.1:0")]
    held = [fact("127.0.0.1:1111"), fact("127.0.0.1:2222")]

    assert remembered_ports(wanted, held) == [listener("127.0.0.1:1111"), listener("127.0.0.1:2222")]


def test_a_listener_at_port_0_gets_a_held_one_of_its_own_protocol() -> None:
    wanted = [AddListener(protocol=Protocol.TCP, address="127.0.0.1:0"), listener("127.0.0.1:0/2")]

    assert [order.address for order in remembered_ports(wanted, [fact("127.0.0.1:1111")]) if isinstance(order, AddListener)] == ["127.0.0.1:0", "127.0.0.1:1111"]
