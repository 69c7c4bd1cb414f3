"""What has happened to an exchange where it waited, in the words of those who are told: whose failure is it?"""

from sozu.proxy.bodies import Ended
from sozu.proxy.deadlines import Late
from sozu.proxy.failures import BackendFailed, ClientGone, Failure, Refused
from sozu.proxy.heads import BadHead, HeadEnded
from sozu.proxy.reaching import GATEWAY_TIMEOUT
from sozu.proxy.stream import Broken, Stream
from sozu.proxy.upload import Upload


def explained(accident: Exception, client: Stream, upload: Upload | None, *, tunnel: bool) -> Failure:
    """The failure behind what a stream, a body or a deadline raised. The upload tells of the client's on the way there; here are the others."""
    if isinstance(accident, Late):
        if tunnel:
            # The 101 is out: no status can be told any more, and neither side has failed.
            return ClientGone("the tunnel was idle for too long")
        if upload is not None and upload.waits_for_client:
            return Refused("client too slow with its body", 408)
        # Still set when the wait for the client to read was ended by Late (Stream.wait_writable): so it was the client who kept us waiting, and
        # the backend, which is not to blame, is not counted as failing.
        if client.full:
            return ClientGone("client: too slow to take its answer")
        return BackendFailed("timed out", GATEWAY_TIMEOUT, reason="backend-timeout")
    if isinstance(accident, Broken) and accident.stream is client:
        return ClientGone(f"client: {accident}")
    if isinstance(accident, Ended):
        return BackendFailed("backend closed in the middle of a body")
    if isinstance(accident, HeadEnded):
        return BackendFailed("backend closed in the middle of a head")
    if isinstance(accident, BadHead):
        return BackendFailed(f"bad response: {accident.error.reason} at byte {accident.error.position}")
    # What is left is Broken on the backend's side, and Malformed, which only a response raises here: a request's is told by the upload.
    return BackendFailed(f"backend: {accident}")
