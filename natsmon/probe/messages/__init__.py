"""Published messages: schedule, buffer, ledger, and how delivery is verified."""
