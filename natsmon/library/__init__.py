"""For other programs: a nats-py client whose connections are opened by a dialer."""
