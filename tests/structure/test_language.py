"""Plain language: words that are wrong in every place do not appear."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDS = (
    "tell", "tells", "told", "telling", "said", "says", "saying", "heard", "hears", "hearing", "knew", "died", "dies",
    "nobody", "somebody", "whoever", "anybody", "noticed", "fate", "fates", "blind", "forced", "scene", "scenes",
    "weather", "tape", "chapter", "woken", "unsaid", "obituary",
)  # fmt: skip
"""Programs send, emit, show, log and raise; a sentence has a subject; a name is no metaphor."""
PHRASES = (
    "first word", "last word", "last sign of life", "its log knows", "without a word", "should nothing come",
    "no recording of natsmon", "in no calendar", "the time was over", "ended as it should", "publishes not to",
    "NO PROBE", "probe died", "nothing heard", "who we are", "where we can go",
)  # fmt: skip
EXCLUDED = re.compile(rf"(?<![a-z])({'|'.join([*WORDS, *PHRASES])})(?![a-z])", re.IGNORECASE)
"""Also as a part of a name, between underscores."""
WRITTEN = ("natsmon", "tests", "benchmarks", "screenshots", "examples", "docs", "README.md", "CHANGELOG.md")


def files(place: str) -> Iterator[Path]:
    path = ROOT / place
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    return (each for each in found if each.suffix in (".py", ".md", ".tcss") and each != Path(__file__))


def test_excluded_words_do_not_appear() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for place in WRITTEN
        for path in files(place)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if EXCLUDED.search(line)
    ]
    assert found == []
