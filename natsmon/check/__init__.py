"""``natsmon check``: one connect, measured, judged and explained."""
