"""One dial in full: where its time went, what the server sent, what was sent, and why it ended."""

from typing import Any

import msgspec

from natsmon.charts import dial_gantt
from natsmon.charts.cells import Row, bar, fit, fold, row, spread, width_of
from natsmon.charts.dial_stages import MARKS
from natsmon.state import Dial, expiry
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels.dial_rows import OUTCOMES, attempt_words
from natsmon.tui.panels.server_panel import validity, worry
from natsmon.tui.widgets.prose import Fact, beside, facts, heading, plain, widest
from natsmon.wording.cause_table import diagnose

_TWO_COLUMNS = 150


def rows(dial: Dial, moment: Moment, width: int) -> list[Row]:
    now = moment.state.wall(moment.now)
    column = width if width < _TWO_COLUMNS else (width - 4) // 2
    first = heading("stages", column) + dial_gantt.rows(dial, moment.now, column) + _tls(dial, moment, column)
    second = _sent(dial, now, column) + _received(dial, column)
    drawn = first + second if column == width else beside(first, second, column)
    return _head(dial, moment, width) + [fit(line, width) for line in drawn]


def _head(dial: Dial, moment: Moment, width: int) -> list[Row]:
    """Which dial, how it went, and why."""
    state = moment.state
    where = row((f"{figures.wall_millis(state.wall(dial.began))}  {dial.reason}", "label"))
    where += row((f"  {attempt_words(dial, state)}", "label"))
    server = row((dial.server, "strong"))
    if width_of(server) + 2 + width_of(where) <= width:
        drawn = [spread(server, where, width)]
    else:
        drawn = [*(fit(row((line, "strong")), width) for line in fold(dial.server, width)), fit(where, width)]
    return [*drawn, _outcome(dial, moment, width), *facts(_reasons(dial), width)]


def _outcome(dial: Dial, moment: Moment, width: int) -> Row:
    spent = units.elapsed(dial.elapsed(moment.now))
    limited = dial.timeout and dial.outcome in (None, "timeout")
    limit = f" of {units.brief(dial.timeout)}" if limited else ""
    at = f" at {dial.stage_reached}" if dial.stage_reached else ""
    if dial.outcome is None:
        start = row((f"{MARKS['started'][0]} dialing{at}", "warn"), (f"  {spent}{limit} ", "value"))
        return fit(start + (bar(dial.elapsed(moment.now) / dial.timeout, 12) if dial.timeout else ()), width)
    if dial.outcome == "connected":
        return fit(row(("✓ connected", "good"), (f" after {spent}", "value")), width)
    mark, _ = MARKS["cancelled" if dial.outcome == "cancelled" else "failed"]
    return fit(row((f"{mark} {dial.outcome}{at}", OUTCOMES[dial.outcome]), (f" after {spent}{limit}", "value")), width)


def _reasons(dial: Dial) -> list[Fact]:
    """Why it ended: the error, what it means, and what to do about it."""
    found: list[Fact] = []
    if dial.failed:
        known = diagnose(dial.stage_reached, dial.known_cause, discovered=dial.discovered)
        found.append(("error", dial.text, "bad"))
        found += [("second look", dial.finding.text, "warn")] if dial.finding is not None else []
        found += [("means", "" if known.meaning == dial.text else known.meaning), ("try", known.advice, "strong")]
    return found


def refused_certificate(dial: Dial, moment: Moment) -> Dial | None:
    """The dial whose page shows the certificate that this one refused too: it is fetched once."""
    if dial.tls is not None or not dial.cause.startswith("tls"):
        return None
    others = [other for other in moment.state.dials if other.server == dial.server and other.cause == dial.cause]
    shown = [other for other in others if other.tls is not None and not other.tls.trusted]
    return min(shown, key=lambda other: abs(other.id - dial.id), default=None)


def _tls(dial: Dial, moment: Moment, width: int) -> list[Row]:
    now = moment.state.wall(moment.now)
    other = refused_certificate(dial, moment)
    tls = other.tls if other is not None else dial.tls
    if tls is None:
        return []
    drawn = heading("TLS", width)
    if other is not None:
        drawn += plain(f"As fetched after dial {other.id}, which was refused alike.", width)
    if not tls.trusted:
        drawn += plain("The certificate is not trusted. This is what the server shows:", width, "bad")
    names = len("name checked")
    drawn += facts([("version", tls.version), ("cipher", tls.cipher), ("name checked", tls.server_name)], width)
    if not tls.chain:
        word = "not read: pip install cryptography shows one that is not trusted" if not tls.trusted else "not known"
        drawn += facts([("certificate", word, "label")], width, names=names)
    for number, certificate in enumerate(tls.chain, 1):
        which = f"certificate {number} of {len(tls.chain)}" + (", the server's own" if number == 1 else "")
        drawn += [fit((), width), *plain(which, width)]
        drawn += facts(_certificate(certificate, now), width, names=names)
    return drawn


def _certificate(certificate: ev.Certificate, now: float) -> list[Fact]:
    left_over = certificate.not_after - now
    role = worry(expiry.of_certificate(certificate), now)
    if left_over < 0:
        words = f"expired {figures.until(left_over)}"
    elif certificate.not_before > now:
        role, words = "bad", f"valid only {figures.until(certificate.not_before - now)}"
    else:
        words = f"{figures.apart(left_over)} left"
    valid = f"{dates.day(certificate.not_before)} to {dates.day(certificate.not_after)}"
    return [
        ("subject", certificate.subject or "none"),
        ("names", ", ".join(certificate.names)),
        ("issuer", certificate.issuer or "none"),
        ("valid", f"{valid}, {words}", role),
    ]


def _sent(dial: Dial, now: float, width: int) -> list[Row]:
    """CONNECT and the credentials."""
    found = dial.connect
    if found is None:
        if dial.outcome is None or "connect" in dial.stages:
            return []
        return heading("CONNECT", width) + plain("nothing was sent", width)
    used: list[Fact] = [("credentials", found.credentials or "none"), *validity(expiry.of_connect(found), now)]
    fields = _fields(found.connect)
    names = widest([*used, *fields])
    drawn = heading("CONNECT as it was sent, secrets masked", width)
    return [*drawn, *facts(used, width, names=names), fit((), width), *facts(fields, width, names=names)]


def _received(dial: Dial, width: int) -> list[Row]:
    if dial.info is None:
        if dial.outcome is None or (record := dial.stages.get("info")) is None or record.outcome == "complete":
            return []
        return heading("INFO", width) + plain("none received that could be read", width)
    return heading("INFO as it was received", width) + facts(_fields(dial.info.info), width)


def _fields(fields: dict[str, Any]) -> list[Fact]:
    return [(name, _text(fields[name]) or '""') for name in sorted(fields)]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return msgspec.json.encode(value).decode()
