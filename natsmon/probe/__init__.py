"""The process that owns the connections, measures them and emits events."""
