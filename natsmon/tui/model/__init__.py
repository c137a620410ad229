"""State and decisions of a view, without a terminal."""
