"""The process that owns a connection: what to dial next, what rides on it, and what it tells."""
