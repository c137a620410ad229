"""The commands a person can give, and the flags they take."""
