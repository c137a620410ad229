"""The life of one connection: dials, waits, commands, keepalive, round trips."""
