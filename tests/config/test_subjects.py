"""Subjects, checked by the server's rules."""

import pytest

from natsmon.config.subjects import check_subject


@pytest.mark.parametrize("subject", ["hello", "a.b.c", "$x.y", "grüße", "a-b_c/d"])
def test_subject_to_publish_on_is_validated(subject: str) -> None:
    assert check_subject(subject) == subject


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("", "is empty"), ("a b", "space"), ("a\tb", "space"), ("a\r\nPUB x", "space"), ("a\x00", "control"),
        (".a", "empty token"), ("a.", "empty token"), ("a..b", "empty token"), ("*", "wildcard"), ("a.>", "wildcard"),
        ("a\u202eb", "control"), ("a\u200bb", "invisible"), ("a" * 3000, "longer"),
    ],
)  # fmt: skip
def test_bad_subject_raises_with_the_reason(subject: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_subject(subject)
