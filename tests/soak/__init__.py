"""natsmon's account of its messages, held against witnesses while servers and wires are hurt under it.

``python -m tests.soak`` publishes 200 numbered messages a second through relays to a cluster of three
nodes, and hurts the node it is on, one cycle after another. Three subscribers of our own making, one a node
and connected to it directly, note every number they see, and each relay notes every number that passes to
natsmon and from it. At the end, natsmon's outcome of each number is compared with their records.
"""
