"""One open stream to one server: names and addresses, TLS, WebSocket, proxies, INFO; and nats-py over it."""
