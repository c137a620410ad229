"""Audit of a stream: it is read back, and compared with what it acknowledged."""
