"""Time limits of tests, in seconds: a busy or slow machine decides no test."""

WAIT = 30.0
"""A test that waits for an event fails after this; on an idle machine none takes a tenth of it."""
IN_TIME = 20.0
"""Upper bound on an act that must not wait for what takes ``FOREVER``."""
GROWING = (0.25, 2.5, IN_TIME)
"""Limits of an act that must have come so far when one of them ends it: a machine too busy for that takes the next."""
FOREVER = 600.0
"""No test waits for what is set to this."""
