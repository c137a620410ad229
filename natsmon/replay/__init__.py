"""Replay: a recording in memory, and a player that shows it at any time."""
