"""The master and Python's collector: off while a large state is built, then spared all that lives long.

With 10,000 clusters one full collection takes a tenth of a second, in which nobody is supervised; and a start has dozens of them.
"""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 50, 100)  # what a request leaves behind is freed by its counts alone


def hold() -> None:
    """Collect nothing until `settle`."""
    gc.disable()


def settle() -> None:
    """Everything that lives long is there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
