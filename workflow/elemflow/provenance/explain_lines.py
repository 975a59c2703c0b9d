"""Lines that `explain` shows of every run, computed here or recorded."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def line(name: str, text: str) -> str:
    """Return a name and what it is, in columns."""
    return f"{name:<22} {text}".rstrip()


def plain(value: Any) -> str:
    """Return a JSON-like value without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False).replace('"', "")


def member_lines(info: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield seed, rows and error of every member.

    Args:
        info: `run_info.json` of the run.
        metrics: Its `metrics.json`; empty without one.
    """
    test = metrics.get("test", {}).get("members", {})
    for member, facts in info["members"].items():
        rows = ", ".join(f"{count:,} {role}" for role, count in facts["rows"].items())
        error = f"; test MAE {test[member]['mae']:.6g}" if member in test else ""
        yield line(f"  member {member}", f"seed {facts['seed']}; {rows}{error}")


def choice_lines(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield model and protocol."""
    yield line("  model", plain(info["cfg"]["model"]))
    yield from (line(f"  {name}", plain(part)) for name, part in info["cfg"]["protocol"].items())


def origin_lines(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield code, versions, machine and time of a training."""
    yield line("code", f"commit {info['commit'] or 'not known'}")
    yield line("  training code", info.get("code") or "digest not recorded by this run")
    yield line("  versions", ", ".join(f"{name} {version}" for name, version in info["versions"].items()))
    engine = info.get("engine") or info["backend"]
    yield line("  machine", f"{info['host']['processor']}, {info['host']['platform']}; {engine['device']}")
    yield line("  trained", f"{info['started']} to {info['finished']}")


def funnel_lines(path: str, curation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the steps of a curation, and the rows that each leaves.

    Args:
        path: Where the counts are, as shown.
        curation: The counts, of a `curation.json`.
    """
    yield line("curation", path)
    for step in curation.get("steps", ()):
        dropped = f", {step['dropped']:,} dropped" if step.get("dropped") else ""
        yield line(f"  {step['step']}", f"{step['rows']:,} rows{dropped}")
