"""A rolling upgrade, seen from one client that is sent from server to server."""
