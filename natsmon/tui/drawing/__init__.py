"""What every screen is made of: rows of cells, and the widgets that show them."""
