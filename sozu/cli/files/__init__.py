"""Verbs about files of other programs."""
