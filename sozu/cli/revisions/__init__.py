"""Verbs for the configuration as a whole: what it was, what it would be, and how it gets there.

plan, apply, rollback, log, state, export    a verb each
target     a configuration file as something to become
showing    how a plan is shown
"""
