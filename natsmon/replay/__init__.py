"""A recording, played: what was known at any of its moments, and the way from one to the next.

Knows no terminal and no clock. ``Tape`` keeps what was recorded, small, with the whole state every so many events;
``Player`` stands at one place of it, and moves.
"""
