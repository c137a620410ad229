"""natsmon under random faults of the network, of servers and of its own processes.

Several natsmons run, each with a relay before a real server and a hostile one. Fault follows fault; after each, natsmon
must be CONNECTED and deliver again, every command must have its answer, every tally must balance, and nothing may grow.
``make chaos SECONDS=900 SEED=7``.
"""
