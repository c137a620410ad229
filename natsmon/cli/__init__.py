"""The command line: a module for each command, flags, and where each value comes from."""
