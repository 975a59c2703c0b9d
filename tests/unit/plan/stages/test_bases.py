"""The rules of a base: a network per member, each made from the same rows."""

from types import SimpleNamespace

from elemflow.plan import paths

BASE = "elemflow"


def test_each_member_is_a_network_of_the_file(wf, empty):
    members = wf.settings.bases[BASE].members
    networks = wf.bases.file_networks(SimpleNamespace(base=BASE))
    assert networks == [paths.BASE_NETWORK.format(base=BASE, number=number) for number in range(members)]
    rows = wf.bases.file_rows(SimpleNamespace(base=BASE))
    assert rows == wf.bases.network_rows(SimpleNamespace(base=BASE, number="0"))
    assert wf.bases.network_first(SimpleNamespace(base=BASE, number="0")) == []
    assert rows == [f"results/bases/{BASE}/{name}.parquet" for name in ("joint", "ef", "pa")]


def test_a_base_that_continues_from_another_reads_its_table_and_networks(wf, empty):
    wildcards = SimpleNamespace(base="elemflow_unseen_energies", number="2")
    rows = wf.bases.network_rows(wildcards)
    assert rows == [f"results/bases/elemflow_unseen/{name}.parquet" for name in ("joint", "ef", "pa")]
    assert wf.bases.network_first(wildcards) == [paths.BASE_NETWORK.format(base="elemflow_unseen", number="2")]
    assert wf.bases.file_rows(wildcards) == rows


def test_a_joint_table_reads_the_materials_of_all_datasets(wf, empty):
    wildcards = SimpleNamespace(base="elemflow_benchmark")
    names = wf.bases.join_datasets(wildcards)
    assert wf.bases.materials(wildcards) == [paths.MATERIALS.format(dataset=name) for name in names]
    assert names[-2:] == ["kefe", "kebg"]


def test_parameters_of_jobs(wf):
    number = wf.bases.network_cfg(SimpleNamespace(base=BASE, number="1"))["number"]
    assert number == 1
    cfg = wf.bases.file_cfg(SimpleNamespace(base=BASE))
    assert cfg["properties"]["oqmd_band_gap"]["unit"] == "eV"
    assert set(cfg["texts"]) == set(wf.settings.bases[BASE].datasets)


def test_splits_of_evaluated_runs_belong_to_the_joint_table(wf, empty):
    wildcards = SimpleNamespace(base="elemflow_crabnet")
    splits = wf.bases.splits(wildcards)
    assert "results/splits/jarvis_dft3d_gap/band_gap/fine_tuned_base.parquet" in splits
    assert len(splits) == len(wf.settings.bases["elemflow_crabnet"].tested)
    assert {"jarvis_dft3d_gap", "aflow_crabnet"} < set(wf.bases.join_datasets(wildcards))
    assert wf.bases.splits(SimpleNamespace(base=BASE)) == []
