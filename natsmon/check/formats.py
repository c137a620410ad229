"""A check for machines: nagios, JSON and prometheus, as ``nats server check connection`` writes them."""

import json
from collections.abc import Sequence

from natsmon.check.verdict import METRICS, SUITE, Failure, Metric, Status, Verdict, worst_first

NAMESPACE = "nats_server_check"
_MARKS = {Status.CRITICAL: "Crit", Status.WARNING: "Warn", Status.OK: "OK"}


def nagios(verdicts: Sequence[Verdict]) -> str:
    """One line for each item, the worst first, since monitors show the first line.

    The performance data of several items follows the last line, as the plugin guidelines require.
    """
    ordered = worst_first(verdicts)
    perfs = [
        " ".join(
            _perf(metric, metric.name if len(ordered) == 1 else _label(f"{verdict.found.where} {metric.name}"))
            for metric in verdict.metrics
        )
        for verdict in ordered
        if verdict.metrics
    ]
    return "\n".join(map(_line, ordered)) + (" | " + "\n".join(perfs) if perfs else "") + "\n"


def _line(verdict: Verdict) -> str:
    parts = [
        verdict.status.name,
        verdict.name,
        *(f"{mark}:{text}" for status, mark in _MARKS.items() for text in verdict.lines[status]),
        *([verdict.output] if verdict.output else []),
    ]
    return " ".join(parts).replace("|", r"\x7c")  # performance data follows a bar


def _label(text: str) -> str:
    """Quoted as the plugin guidelines require: quotes doubled, and no equals sign."""
    return "'" + text.replace("'", "''").replace("=", "%3D") + "'"


def _perf(metric: Metric, name: str) -> str:
    limits = f";{metric.limit.warning:.4f};{metric.limit.critical:.4f}" if metric.limit else ""
    return f"{name}={metric.value:.4f}s{limits}"


def json_text(verdicts: Sequence[Verdict], *, many: bool) -> str:
    """An object; with ``many``, an array of them."""
    items = [_item(verdict) for verdict in verdicts]
    return json.dumps(items if many else items[0], indent=2) + "\n"


def _item(verdict: Verdict) -> dict[str, object]:
    perf_data = [
        {
            "name": metric.name,
            "value": round(metric.value, 6),
            "warning": metric.limit.warning if metric.limit else 0,
            "critical": metric.limit.critical if metric.limit else 0,
            "unit": "s",
        }
        for metric in verdict.metrics
    ]
    failures = [{**_diagnosis(each), "text": each.text} for each in verdict.failures]
    return {
        **({"output": verdict.output} if verdict.output else {}),
        "status": verdict.status.name,
        "check_suite": SUITE,
        "check_name": verdict.name,
        "warning": verdict.lines[Status.WARNING],
        "critical": verdict.lines[Status.CRITICAL],
        "ok": verdict.lines[Status.OK],
        "perf_data": perf_data,
        **({"failures": failures} if failures else {}),
    }


def _diagnosis(failure: Failure) -> dict[str, str]:
    known = failure.diagnosis
    names = {"server": failure.server, "stage": failure.stage, "cause": failure.cause}
    return {**names, "meaning": known.meaning, "advice": known.advice}


def prometheus(verdicts: Sequence[Verdict], *, namespace: str = NAMESPACE) -> str:
    """Text for a scrape or a textfile collector; each failure is a gauge, labelled with its diagnosis."""
    prefix = f"{namespace}_{SUITE}"
    families = [
        _family(f"{prefix}_{name}", help_, samples)
        for name, help_ in METRICS.items()
        if (samples := [({"item": v.name}, metric.value) for v in verdicts if (metric := v.metric(name)) is not None])
    ]
    failed: list[tuple[dict[str, str], float]] = [
        ({"item": verdict.name, **_diagnosis(each)}, 1.0) for verdict in verdicts for each in verdict.failures
    ]
    if failed:
        families.append(
            _family(f"{prefix}_failure", "1 for each server that could not be used, with the reason", failed)
        )
    codes = [({"item": v.name, "status": v.status.name}, float(v.status)) for v in verdicts]
    families.append(_family(f"{prefix}_status_code", f"Nagios compatible status code for {SUITE}", codes))
    return "".join(families)


def _family(name: str, help_: str, samples: Sequence[tuple[dict[str, str], float]]) -> str:
    lines = [f"# HELP {name} {help_}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        shown = ",".join(f'{label}="{_quoted(text)}"' for label, text in labels.items())
        lines.append(f"{name}{{{shown}}} {value:.6g}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"")
