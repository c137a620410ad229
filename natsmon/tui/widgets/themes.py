"""natsmon's two themes, and the colours of terminals that have 16. Each state has a word and a shape, too."""

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="natsmon-dark",
    primary="#6ea8dc",
    secondary="#5b7f9e",
    accent="#6ea8dc",
    warning="#e0a458",
    error="#ec6a5e",
    success="#7cbf85",
    foreground="#dfe4e8",
    background="#0f1418",
    surface="#161c22",
    panel="#1d252d",
    dark=True,
)
LIGHT = Theme(
    name="natsmon-light",
    primary="#1f66a5",
    secondary="#4f6b82",
    accent="#1f66a5",
    warning="#9a5b00",
    error="#b3261e",
    success="#1f7a3d",
    foreground="#1c2329",
    background="#fafaf8",
    surface="#f0f1ef",
    panel="#e4e7e6",
    dark=False,
)

_SIXTEEN = {
    True: {
        "success": "#55ff55",
        "warning": "#ffff55",
        "error": "#ff5555",
        "primary": "#55ffff",
        "panel": "#0000aa",
    },
    False: {
        "success": "#00aa00",
        "warning": "#aa5500",
        "error": "#aa0000",
        "primary": "#0000aa",
        "panel": "#55ffff",
    },
}


def sixteen_colours(theme: Theme) -> dict[str, str]:
    """CSS variables for a terminal of 16 colours, where most themes are one grey; none for the terminal's own theme."""
    return {} if theme.ansi else _SIXTEEN[theme.dark]


def theme_problem(name: str) -> str:
    """Why a theme cannot be used; empty where it can."""
    names = {*BUILTIN_THEMES, DARK.name, LIGHT.name}
    return "" if name in names else f'"{name}" is not a theme; there are {", ".join(sorted(names))}'
