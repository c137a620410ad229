"""What to connect to and how: settings, server URLs, subjects, secrets."""
