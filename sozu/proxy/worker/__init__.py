"""A worker's surroundings: the process that a master starts around the data path. `main` is `sozu worker`.

Read `life` first (what the master says and what the worker does about it), then `process` (signals, limits, memory),
`master_link` (the channel), `service`, `transactions`, `accept`,
`drain`, `watch`. The data path itself is one folder up.
"""

from sozu.proxy.worker.process import main

__all__ = ["main"]
