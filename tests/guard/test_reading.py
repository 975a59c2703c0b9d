"""The guard sees every number and every row, and no name."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from guard.test_guard import guard


def table() -> dict[str, list]:
    return {"material_id": ["a", "b"], "member": [0, 1], "y_pred": [0.5, 1.5], "reason": ["too few", "no"]}


def write_all(results: Path, columns: dict[str, list], numbers: dict, kernel: np.ndarray, layer: str = "dense") -> None:
    run = results / "runs/a"
    (run / "model").mkdir(parents=True)
    pq.write_table(pa.table(columns), run / "predictions.parquet")
    (run / "metrics.json").write_text(json.dumps(numbers))
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    (run / "importance.csv").write_text("\n".join(lines) + "\n")
    with h5py.File(results / "w.h5", "w") as file:
        file[f"{layer}/kernel"] = kernel
        file["bias"] = np.zeros(2)
    with zipfile.ZipFile(run / "model/member-0.keras", "w") as archive:
        archive.write(results / "w.h5", "model.weights.h5")


def differences(tmp_path: Path, *, exact: bool = True, **changed: object) -> list[str]:
    same = {"columns": table(), "numbers": {"mae": 0.25, "n": 3, "seconds": 1.0}, "kernel": np.ones((2, 2))}
    write_all(tmp_path / "before", **same)
    write_all(tmp_path / "after", **(same | changed))
    states = [guard.read_results(tmp_path / name) for name in ("before", "after")]
    return guard.compare(*states, exact=exact)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"columns": {f"{name}_new": values for name, values in table().items()}},
        {"columns": dict(reversed(table().items()))},
        {"columns": table() | {"reason": ["other words", "no"]}},
        {"numbers": {"test": {"count": 3, "error": 0.25}, "seconds": 7.0, "cfg": {"seed": 3}}},
        {"layer": "renamed"},
    ],
)
def test_names_order_texts_and_times_do_not_count(tmp_path: Path, changed: dict) -> None:
    assert differences(tmp_path, **changed) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"columns": table() | {"y_pred": [0.5, np.nextafter(1.5, 2)]}}, "y_pred"),
        ({"columns": table() | {"y_pred": [1.5, 0.5]}}, "y_pred"),
        ({"columns": table() | {"material_id": ["a", "c"]}}, "material_id"),
        ({"columns": {name: values[:1] for name, values in table().items()}}, "2 rows before, 1 now"),
        ({"numbers": {"mae": 0.25, "n": 4}}, "metrics"),
        ({"kernel": np.full((2, 2), 1.001)}, "member-0"),
    ],
)
def test_numbers_and_rows_count(tmp_path: Path, changed: dict, named: str) -> None:
    assert any(named in line for line in differences(tmp_path, **changed))


@pytest.mark.parametrize(("factor", "close"), [(1 + 1e-5, True), (1.01, False)])
def test_other_platforms_are_given_a_tolerance(tmp_path: Path, factor: float, close: bool) -> None:
    changed = {"columns": table() | {"y_pred": [0.5 * factor, 1.5 * factor]}}
    assert (differences(tmp_path, exact=False, **changed) == []) is close


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0.113 ± 0.002 [1]", 0.113),
        ("−3.5 %", -3.5),
        ("1e-05", 1e-5),
        ("256,622", 256622),
        ("17 layers", None),
        ("", None),
    ],
)
def test_cells(cell: str, number: float | None) -> None:
    assert guard.read_number(cell) == number


def test_renamed_files_are_found() -> None:
    renamed = {"runs/*/history": "runs/*/epochs", "plan": "plans"}
    assert guard.renamed_key("runs/a/b/history", renamed) == "runs/a/b/epochs"
    assert guard.renamed_key("plan", renamed) == "plans"
    assert guard.renamed_key("runs/a/metrics", renamed) == "runs/a/metrics"


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["build.py", *arguments])
    return guard.main()


def test_two_builds_on_one_machine_are_compared_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_all(tmp_path / "before", table(), {"mae": 0.25}, np.ones((2, 2)))
    write_all(tmp_path / "same", table(), {"mae": 0.25}, np.ones((2, 2)))
    write_all(tmp_path / "moved", table(), {"mae": np.nextafter(0.25, 1)}, np.ones((2, 2)))
    against = ["--against", str(tmp_path / "before")]
    assert run_main(monkeypatch, "--results", str(tmp_path / "same"), *against) == 0
    assert "to the bit" in capsys.readouterr().out
    assert run_main(monkeypatch, "--results", str(tmp_path / "moved"), *against) == 1
    assert "metrics" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "{folder}/none"], "not the `results` of a finished build"),
        (["--results", "{folder}/none"], "not the `results` of a finished build"),
        (["--against", "{folder}/before", "--write"], "leave out --write"),
    ],
)
def test_options_that_cannot_work_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    write_all(tmp_path / "before", table(), {"mae": 0.25}, np.ones((2, 2)))
    with pytest.raises(SystemExit):
        run_main(monkeypatch, *(argument.format(folder=tmp_path) for argument in arguments))
    assert message in capsys.readouterr().err
