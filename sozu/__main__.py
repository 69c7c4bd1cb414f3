"""One executable, many parts: `sozu worker` is the data path that the master starts, `sozu heir` the master that follows it in an
upgrade; all else is the command line.

A worker must not pay for click nor the command line for gevent, so the part is chosen before either is imported.
`sozu`, `sozuctl` and `python -m sozu` all come here.
"""

import gc
from importlib import import_module
import sys


def main() -> int:
    """Play the part that the first argument names; the exit code of the process."""
    if sys.argv[1:2] == ["worker"]:
        gc.disable()  # all that is imported stays, and a large state is built before there could be garbage; the worker turns it on again
        # By name and at this place: an import statement at the top would make each part pay for the two others. This file and `sozu
        # serve` are the only ones that know both wings, since one executable has to play master and worker.
        code: int = import_module("sozu.proxy.worker").main(sys.argv[2:])
    elif sys.argv[1:2] == ["heir"]:
        code = import_module("sozu.cli.processes.heir").main(sys.argv[2:])
    else:
        code = import_module("sozu.cli.program").main(sys.argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main())
