"""Whether the numbers of a table were computed with the same libraries."""

from collections.abc import Iterable, Mapping

SHOWN = 6
"""Most libraries that a caption names."""


def describe_versions(of_runs: Iterable[Mapping[str, str]]) -> str:
    """Return a sentence on the libraries whose versions differ between runs; nothing if none do.

    Args:
        of_runs: Versions by library, as `run_info.json` has them; a library that a run does not name is passed over.
    """
    found: dict[str, dict[str, int]] = {}
    for versions in of_runs:
        for name, version in versions.items():
            runs = found.setdefault(name, {})
            runs[version] = runs.get(version, 0) + 1
    different = [
        f"{name} {' and '.join(f'{version} ({count})' for version, count in sorted(runs.items()))}"
        for name, runs in sorted(found.items())
        if len(runs) > 1
    ]
    more = f", and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    shown = "; ".join(different[:SHOWN])
    return f"Runs were computed with different versions, with the number of runs: {shown}{more}." if different else ""
