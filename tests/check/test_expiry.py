"""A check warns of certificates and credentials that expire soon."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from natsmon.check import measure as check
from natsmon.check.verdict import Found, Status, judge
from natsmon.cli import main as cli
from natsmon.state import Dial
from natsmon.stream import events as ev
from natsmon.text import dates
from tests.certificates import Certificates
from tests.check.checking import IN_ANY_TIME, NO_LIMITS, every_format, settings
from tests.conftest import StartServer

IN_TWO_DAYS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)


@pytest.fixture
def url(nats_server: StartServer, tmp_path: Path) -> str:
    return f"tls://{nats_server(config=Certificates(tmp_path, not_after=IN_TWO_DAYS).config()).authority}"


@pytest.mark.parametrize(
    ("flags", "status"), [([], 1), (["--expiry-warn=47h"], 0), (["--expiry-warn=49h"], 1), (["--expiry-warn=0s"], 0)]
)
def test_certificate_that_expires_soon_is_a_warning(url: str, tmp_path: Path, flags: list[str], status: int) -> None:
    ca = str(tmp_path / "ca.pem")
    for form in ("text", "nagios"):
        assert cli.main(["check", url, "--tlsca", ca, "--format", form, *IN_ANY_TIME, *flags]) == status


async def test_every_format_shows_until_when_a_certificate_is_valid(url: str, tmp_path: Path) -> None:
    (found,) = await check.check(settings(url, tlsca=str(tmp_path / "ca.pem")))
    verdict = judge(found, NO_LIMITS, valid_until=IN_TWO_DAYS.timestamp() + 1)
    assert verdict.status is Status.WARNING
    until = f"certificate of {url} valid until {dates.stamp(IN_TWO_DAYS.timestamp())}"
    assert verdict.lines[Status.WARNING] == [until]
    shown = " ".join(every_format([verdict]).split())
    assert shown.count(until) >= 3, "stages, nagios and JSON; the table folds it"
    assert judge(found, NO_LIMITS, valid_until=IN_TWO_DAYS.timestamp() - 1).status is Status.OK


def test_credentials_that_expire_soon_are_a_warning() -> None:
    dial = Dial(id=1, began=0.0, server="a:4222", outcome="connected", connect=ev.DialConnect(dial=1, expires=100.0))
    for valid_until, status in ((99.0, Status.OK), (101.0, Status.WARNING)):
        assert judge(Found("a:4222", dials=[dial]), valid_until=valid_until).status is status
