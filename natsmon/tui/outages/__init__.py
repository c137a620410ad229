"""The outages: what they cost in all, each in a line, and one of them told whole."""
