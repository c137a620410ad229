"""Recordings: the lines of a stream in files, and read again from them.

A recording is the stream itself, the same lines that ``natsmon --json`` writes, in order: nothing is added but
a snapshot where a file begins in the middle of a session. What is in the file can be read at every moment,
also while it is written, and after a kill.

FILE is the part that is written. With a greatest size a full part gets a number (``run.0001.jsonl.zst`` for
``run.jsonl.zst``) and the next FILE begins; the numbers rise for ever. Every part begins with the session's
line, all but a session's first with a snapshot behind it, so the newest ones tell their story alone.

A FILE that is there already is added to, as a further session, where it is a recording; it is left alone where
it is not. Files are made for their owner alone (mode 0600): they hold no secret, but the names and addresses of
servers.
"""
