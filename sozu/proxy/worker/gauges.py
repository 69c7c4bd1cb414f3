"""What a worker holds just now: each goes back to where it was when nobody is served any more, or something leaks."""

import os

from sozu.proxy.traffic import Traffic


def gauges(traffic: Traffic) -> dict[str, int]:
    """By name. All but `descriptors_open`, which begins with those of the process itself, come down to 0."""
    # Descriptors are asked of the kernel: a count of our own would miss just the way out on which one is forgotten.
    return {
        "descriptors_open": len(os.listdir("/proc/self/fd")) - 1,  # noqa: PTH208 - the names are enough, and one of them is of this look
        "greenlets_busy": traffic.spares.alive - len(traffic.spares.idle),
        "backend_connections_open": len(traffic.deadlines.watched),
        "tunnels_open": sum(live.tunnels for live in traffic.registry),
    }
