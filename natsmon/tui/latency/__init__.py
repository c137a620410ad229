"""How long things take: round trips, percentiles, their course, and the PINGs that are out."""
