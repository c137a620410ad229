"""Real nats-servers on loopback and faults for them: for the demo, the tests and the benchmarks."""
