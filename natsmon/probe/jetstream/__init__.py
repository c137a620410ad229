"""Delivery verified by a JetStream stream: acknowledgements, resending, audit."""
