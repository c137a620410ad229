"""The screens: the dashboard and the pages opened over it."""
