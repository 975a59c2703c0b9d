"""Energy that the processors of a machine count themselves, where the system lets it be read (RAPL on Linux).

It is that of whole processors (domains `package-*`), so other jobs on the same machine are in it. GPUs are not counted,
nor is the domain `psys` of some laptops, which holds the packages and would count them twice.

Not part of code digests: no result depends on it.
"""

import threading
from pathlib import Path
from typing import Self

COUNTERS = Path("/sys/class/powercap")
SECONDS = 30.0
"""Time between two readings: the counters start again at 0 after some minutes of full load."""


class EnergyMeter:
    """Counts from `with` on.

    Args:
        folder: Where the counters lie.
    """

    def __init__(self, folder: Path = COUNTERS):
        self._counters = {path: _largest(path) for path in sorted(folder.glob("*-rapl:*")) if _is_package(path)}
        self._last: dict[Path, int] = {}
        self._microjoules = 0
        self._lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._last = self._read()
        if self._last:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._last:
            self._thread.join()
            self._add()

    @property
    def joules(self) -> float | None:
        """Energy in joules after `with`; None if the machine does not say, or not how far a counter went."""
        return self._microjoules / 1e6 if self._last and not self._lost else None

    def _watch(self) -> None:
        while not self._over.wait(SECONDS):
            self._add()

    def _add(self) -> None:
        now = self._read()
        for path, value in now.items():
            used = value - self._last.get(path, value)
            if used < 0:  # it started again at 0
                used += self._counters[path]
                self._lost |= not self._counters[path]
            self._microjoules += used
        self._last |= now

    def _read(self) -> dict[Path, int]:
        found = {}
        for path in self._counters:
            try:
                found[path] = int((path / "energy_uj").read_text())
            except (OSError, ValueError):  # most systems let the administrator alone read it
                continue
        return found


def _is_package(path: Path) -> bool:
    """Return whether a domain is a whole processor; its parts have a second colon in their names."""
    try:
        return path.name.count(":") == 1 and (path / "name").read_text().startswith("package")
    except OSError:
        return False


def _largest(path: Path) -> int:
    """Return the value after which a counter starts at 0 again; 0 if it does not say."""
    try:
        return int((path / "max_energy_range_uj").read_text())
    except (OSError, ValueError):
        return 0
