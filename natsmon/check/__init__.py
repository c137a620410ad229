"""``natsmon check``: one connect, measured, judged and told."""
