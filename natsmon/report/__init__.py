"""What happened in recordings, told to a person.

``gather`` keeps what passes of a recording, ``conclusion`` makes the facts of it, ``compare`` sets several side by
side, ``story`` says them in blocks, and ``text``, ``markdown`` and ``html`` draw the blocks, each in its own way
and with its own escaping. JSON is the facts themselves.
"""
