"""Patterns are compiled at their first use, so the first example of a property may be slow, and any may on a busy machine: hypothesis must not
mind. It tries the same examples each time, so that what passes here passes everywhere; what is new is looked for in fuzz/.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
