"""Energy: counted over all processors, through a restart of the counters, and None where nothing can be read."""

import time
from pathlib import Path

import pytest

from elemflow.provenance import energy
from elemflow.provenance.energy import EnergyMeter


def set_counter(folder: Path, name: str, value: int, largest: int = 1_000_000, domain: str = "package-0") -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "name").write_text(f"{domain}\n")
    (folder / name / "energy_uj").write_text(f"{value}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{largest}\n")


def test_energy_of_all_processors_is_summed(tmp_path: Path) -> None:
    domains = {"intel-rapl:0": "package-0", "intel-rapl:1": "package-1", "intel-rapl:2": "psys"}  # the last holds both
    domains |= {"intel-rapl:0:0": "core", "intel-rapl:1:0": "package-part"}  # parts of the first two
    for name, domain in domains.items():
        set_counter(tmp_path, name, 100, domain=domain)
    with EnergyMeter(tmp_path) as meter:
        for name, domain in domains.items():
            set_counter(tmp_path, name, 300_100, domain=domain)
    assert meter.joules == pytest.approx(0.6)


def test_a_counter_that_starts_again_is_followed(tmp_path: Path) -> None:
    set_counter(tmp_path, "intel-rapl:0", 900_000)
    with EnergyMeter(tmp_path) as meter:
        set_counter(tmp_path, "intel-rapl:0", 200_000)
    assert meter.joules == pytest.approx(0.3)


def test_a_counter_that_starts_again_anywhere_gives_no_number(tmp_path: Path) -> None:
    set_counter(tmp_path, "intel-rapl:0", 900_000)
    set_counter(tmp_path, "intel-rapl:1", 100, domain="package-1")
    (tmp_path / "intel-rapl:0/max_energy_range_uj").unlink()
    with EnergyMeter(tmp_path) as meter:
        for name, value in (("intel-rapl:0", 200_000), ("intel-rapl:1", 200)):
            (tmp_path / name / "energy_uj").write_text(str(value))
    assert meter.joules is None


def test_counters_are_read_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "SECONDS", 0.001)
    set_counter(tmp_path, "intel-rapl:0", 0)
    with EnergyMeter(tmp_path) as meter:
        for value in (600_000, 200_000, 800_000):  # 0.6 + 0.6 + 0.6 J, of which two readings alone would see 0.8
            set_counter(tmp_path, "intel-rapl:0", value)
            for _ in range(10_000):
                if list(meter._last.values()) == [value]:
                    break
                time.sleep(0.001)
    assert meter.joules == pytest.approx(1.8)


def test_no_counter_gives_no_number(tmp_path: Path) -> None:
    with EnergyMeter(tmp_path) as meter:
        pass
    assert meter.joules is None
