"""From a request to a connection with a backend: `choice` for nearly all clusters, `admission` (and the `lease` that it gives) for those with terms.

`connecting` opens a connection, and says what it means when there is none.
"""

from sozu.proxy.reaching.choice import reach, reach_anew
from sozu.proxy.reaching.connecting import GATEWAY_TIMEOUT, Counted, blame, open_back

__all__ = ["GATEWAY_TIMEOUT", "Counted", "blame", "open_back", "reach", "reach_anew"]
