"""Cells, figures and the widgets that every panel is made of."""
