"""Alerts: the terminal's title, bell and notifications, and commands that run when the health changes."""
