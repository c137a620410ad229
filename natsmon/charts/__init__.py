"""Pictures as SVG, and the same in letters. What is drawn in pixels has a fixed height and is as wide as the page.

Positions across are percentages, so a picture fits any page without its letters growing or shrinking; lines,
which know no percentages, are drawn in a frame of their own that is stretched.
"""
