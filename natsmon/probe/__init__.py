"""The process that owns the connections: it dials, measures, and emits events."""
