"""What a view knows and decides, without a terminal."""
