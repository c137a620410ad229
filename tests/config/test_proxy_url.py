"""URLs of proxies."""

import pytest

from natsmon.config.proxy_url import parse_proxy


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("socks5://me@proxy:1080", "a user and a password"),
        ("socks5://:secret@proxy:1080", "a user and a password"),
        (f"socks5h://me:{'x' * 256}@proxy", "1 to 255 bytes"),
        ("http://m%3Ae:secret@proxy", "a colon in the user"),
    ],
)
def test_login_that_cannot_be_sent_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_proxy(url)


@pytest.mark.parametrize("url", ["socks5://proxy", "socks5://me:secret@proxy", "http://me@proxy"])
def test_login_that_can_be_sent_is_accepted(url: str) -> None:
    assert parse_proxy(url) is not None
