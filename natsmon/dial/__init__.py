"""One open stream to one server: names and addresses, the race, TLS, proxies, deadlines and errors."""
