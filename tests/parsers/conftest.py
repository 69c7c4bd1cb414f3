"""Patterns are compiled at their first use, so the first example of a property may be slow: hypothesis must not mind."""

from hypothesis import settings

settings.register_profile("parsers", deadline=None)
settings.load_profile("parsers")
