"""A chart of a page: as SVG, and as lines of text."""

from collections.abc import Callable

import msgspec


class Key(msgspec.Struct, frozen=True):
    """One entry of a legend."""

    kind: str
    """CSS class of what it stands for in the SVG."""
    name: str
    height: float = 1.0
    """Of the height of a bar, where that distinguishes it from others."""


class Chart(msgspec.Struct, frozen=True):
    """A chart with its title and its meaning in a sentence."""

    title: str
    description: str
    """What it shows, for readers who cannot see it."""
    svg: Callable[[], str]
    """Elements to stand in an ``<svg>`` as wide as the page, without the title."""
    height: int
    """Of the SVG, in pixels."""
    lines: Callable[[int], list[str]]
    """Lines of at most that many terminal cells."""
    legend: tuple[Key, ...] = ()
    over_time: bool = False
    """Shares its time axis with other charts of the page; labels left of it are outside."""
