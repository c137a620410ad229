"""A check warns of certificates and credentials that expire soon."""

import time
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
    verdict = judge(found, NO_LIMITS, expiry_warn=49 * 3600)
    assert verdict.status is Status.WARNING
    until = f"certificate of {url} valid until {dates.stamp(IN_TWO_DAYS.timestamp())}"
    assert verdict.lines[Status.WARNING] == [until]
    shown = " ".join(every_format([verdict]).split())
    assert shown.count(until) >= 3, "stages, nagios and JSON; the table folds it"
    assert judge(found, NO_LIMITS, expiry_warn=47 * 3600).status is Status.OK


@pytest.mark.parametrize(
    ("hours_left", "of_hours", "warning"),
    [(167, None, True), (169, None, False), (167, 10_000, True), (23, 24, False), (5, 24, False), (4, 24, True)],
    ids=["soon", "not soon", "soon, of a year", "of a day", "a fifth is left of a day", "less than a fifth is left"],
)
def test_credentials_are_a_warning_in_the_last_part_of_their_validity(
    hours_left: float, of_hours: float | None, warning: bool
) -> None:
    ends = time.time() + hours_left * 3600
    sent = ev.DialConnect(dial=1, expires=ends, issued=ends - of_hours * 3600 if of_hours else 0.0)
    dial = Dial(id=1, began=0.0, server="a:4222", outcome="connected", connect=sent)
    verdict = judge(Found("a:4222", dials=[dial]), expiry_warn=7 * 86_400)
    assert verdict.status is (Status.WARNING if warning else Status.OK)
