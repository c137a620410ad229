"""natsmon's two themes. Colour only supports here: every state is told by a word and a shape first."""

from textual.theme import Theme

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
