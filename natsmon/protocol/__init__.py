"""NATS over an open stream: INFO, TLS, CONNECT, credentials, WebSocket. Used by check, probe and library."""
