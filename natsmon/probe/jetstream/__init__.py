"""Delivery verified by a JetStream stream: acknowledgements, and resending."""
