"""Active health checks: `asking` asks one backend once, `rounds` asks all of them in their intervals, `verdicts` says what answers in a row mean.

Only the worker in the lowest running slot asks; the master tells the others (sozu.master.workers.checks). None of it is on the way of a request.
"""

from sozu.proxy.health.rounds import Rounds

__all__ = ["Rounds"]
