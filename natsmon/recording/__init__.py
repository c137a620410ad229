"""Recordings: the lines of a stream in files, written and read again.

A recording is the stream that ``natsmon --json`` writes. Each of its files, its *parts*, begins with a ``part`` line:
the recording's id and the number of the part. FILE is the part that is being written. A part that is full gets a number
in its name (``run.0001.jsonl.zst`` for ``run.jsonl.zst``), and FILE begins anew with a snapshot of what is known, so
that the newest parts can be read without the older ones. A FILE that exists when a recording begins becomes a numbered
part in the same way: no file is ever written twice.

A compressed part is a row of gzip members (RFC 1952) or Zstandard frames (RFC 8878), a new one each minute or MiB of
lines, flushed every second: ``zcat`` and ``zstdcat`` show every flushed line while it is written. A kill costs the last
second; damage costs the member that it is in.

Files are readable by their owner alone (mode 0600): they hold no secret, but names and addresses of servers.
"""
