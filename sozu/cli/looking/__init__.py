"""Verbs that only look, a file each."""
