"""What does it cost to find a route, and to have ten thousand of them? `python benchmarks/routes.py`; needs nothing but the package.

Hosts have two prefixes each, and are asked for in a random order, each time as other bytes, as a worker meets them. Building is done in slices of
64 orders, as a worker does it; the longest slice is how long traffic may have to wait for it.
"""

from collections.abc import Callable, Iterator
import gc
import random
import resource
from time import perf_counter

from sozu.command.draft import Draft
from sozu.command.facts import Match
from sozu.command.orders import AddCluster, AddHttpFrontend, AnyOrder
from sozu.command.routes import BareRequest, RouteTable
from sozu.command.rules import carry_out
from sozu.command.state import ConfigState

LISTENER = "127.0.0.1:8080"
LOOKUPS, ROUNDS, SLICE = 10_000, 7, 64
REQUEST = BareRequest(b"GET", b"Host: a\r\nUser-Agent: test\r\nAccept: */*\r\nX-Beta: 1\r\nCookie: a=1; session=2\r\n")


def orders(hosts: int) -> Iterator[AnyOrder]:
    yield from (AddCluster(cluster=name) for name in ("site", "api"))
    for number in range(hosts):
        yield AddHttpFrontend(cluster="site", hostname=f"h{number}.example.com")
        yield AddHttpFrontend(cluster="api", hostname=f"h{number}.example.com", path="/api")


def conditional(hosts: int) -> Iterator[AnyOrder]:
    yield from orders(hosts)
    beta = (Match(name="x-beta", value="2"),)
    for number in range(hosts):
        yield AddHttpFrontend(cluster="api", hostname=f"h{number}.example.com", methods=("POST",))
        yield AddHttpFrontend(cluster="api", hostname=f"h{number}.example.com", headers=beta)


def expressions(hosts: int) -> Iterator[AnyOrder]:
    yield from orders(hosts)
    for number in range(hosts):
        yield AddHttpFrontend(cluster="api", hostname=f"h{number}.example.com", path_regex=r"/.*\.(png|jpe?g)")


def built(of: Iterator[AnyOrder]) -> tuple[RouteTable, float, float]:
    """The table, the seconds that it took, and those of the longest slice."""
    everything, draft, routes, longest = list(of), Draft(ConfigState()), RouteTable().draft(), 0.0
    begin = perf_counter()
    for start in range(0, len(everything), SLICE):
        slice_begin, done = perf_counter(), len(draft.effects)
        for order in everything[start : start + SLICE]:
            carry_out(draft, order)
        routes.after(draft.effects[done:])
        longest = max(longest, perf_counter() - slice_begin)
    return routes.table(), perf_counter() - begin, longest


def nanoseconds(table: RouteTable, hosts: int, target: bytes) -> float:
    names = [bytes(bytearray(b"h%d.example.com" % (number % hosts))) for number in range(LOOKUPS)]
    random.Random(1).shuffle(names)
    find = table.find

    def look_up() -> None:
        for name in names:
            find(LISTENER, name, target, REQUEST)

    def loop() -> None:
        for _ in names:
            pass

    look_up()
    return (fastest(look_up) - fastest(loop)) / LOOKUPS * 1e9


def fastest(work: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = perf_counter()
        work()
        times.append(perf_counter() - begin)
    return min(times)


def main() -> None:
    gc.disable()  # a worker collects only when it has nothing to do
    print(f"{'':28}{'/':>8}{'/item/1':>10}{'/api/x?q':>10}   ns a look-up; built in (longest slice); resident")
    for name, make, hosts in (
        ("1 host, 2 prefixes", orders, 1),
        ("10,000 hosts, 2 prefixes", orders, 10_000),
        ("1 host, method, field", conditional, 1),
        ("1 host, expression", expressions, 1),
    ):
        table, seconds, longest = built(make(hosts))
        figures = [nanoseconds(table, hosts, target) for target in (b"/", b"/item/1", b"/api/x?q")]
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{name:28}{figures[0]:8.0f}{figures[1]:10.0f}{figures[2]:10.0f}   {seconds:.3f} s ({longest * 1e3:.1f} ms); {resident} MB")


if __name__ == "__main__":
    main()
