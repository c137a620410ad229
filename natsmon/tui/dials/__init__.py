"""The dials: the one under way and those before it, and one of them told whole."""
