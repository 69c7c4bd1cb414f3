"""What a frontend does with the requests that it takes, carried out: who may pass, what a backend gets, what a client gets.

    treatment    a frontend's settings, ready for use; made once for each frontend that has any
    heads        lines of a head set, added and removed; prefixes replaced
    gate         who may pass: addresses, passwords, denials, redirects
    question     put to another cluster: may this request pass?
    rates        how many requests of one address; common_rates counts those of all workers
    passwords    checked beside the loop, one at a time, and remembered when they are right
A request of a frontend without such settings meets none of this.
"""

from sozu.proxy.edits.passwords import Desk
from sozu.proxy.edits.treatment import Special, special

__all__ = ["Desk", "Special", "special"]
