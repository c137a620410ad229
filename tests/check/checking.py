"""One check, made and output in every format."""

import re
from collections.abc import Sequence
from typing import Any

from natsmon.check import formats as check_formats
from natsmon.check import measure as check
from natsmon.check import text as check_text
from natsmon.check.verdict import LIMITS, Limit, Verdict, judge
from natsmon.config.server_urls import parse_server
from natsmon.config.settings import Settings
from tests.harness.time_limits import IN_TIME

NO_LIMITS = dict.fromkeys(LIMITS, Limit(60.0, 60.0))
IN_ANY_TIME = [f"--{what}-{level}=1m" for what in ("connect", "rtt", "req") for level in ("warn", "critical")]
IN_ANY_TIME += ["--connect-timeout=1m", "--timeout=1m"]
METRICS = ["connect_time", "dns_time", "tcp_time", "info_time", "auth_time", "rtt", "request_time"]
FORMATS = ("text", "nagios", "json", "prometheus")


def settings(*urls: str, **changes: Any) -> Settings:
    return Settings(
        **{"servers": tuple(map(parse_server, urls)), "connect_timeout": IN_TIME, "timeout": IN_TIME, **changes}
    )


async def checked(*urls: str, **changes: Any) -> Verdict:
    (found,) = await check.check(settings(*urls, **changes))
    return judge(found, NO_LIMITS)


def every_format(verdicts: Sequence[Verdict]) -> str:
    return "".join(
        [
            check_text.stages(verdicts[0], colour=True),
            check_text.table(verdicts, colour=True),
            check_formats.nagios(verdicts),
            check_formats.json_text(verdicts, many=True),
            check_formats.prometheus(verdicts),
        ]
    )


def without_figures(text: str) -> str:
    """With T for each time, without what depends on times: bars, the mark of the slowest, line breaks, widths."""
    text = re.sub(r"─+", "─", re.sub(r"\n {40,}", " ", text))
    text = re.sub(r"[\d.]+ m?s\b|\b\d\.\d{4}s|(?<=\} )[\d.e-]+|(?<=value\": )[\d.e-]+", "T", text)
    text = re.sub(r"(?m)slowest(, )?|[█░▒▓▚]|cid \d+", "", text)
    return re.sub(r"(?m) +$", "", re.sub(r" +", " ", text))
