"""Charts: figures drawn as terminal cells, and as SVG for a page. Pure; the screen, report and check use them.

In SVG, a chart has a fixed height and is as wide as its page. Horizontal positions are percentages, so that letters
keep their size; lines are drawn in a frame that is stretched.
"""
