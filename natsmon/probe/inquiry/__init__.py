"""Requests beside the connection: identity, close reasons, a second look at a peer."""
