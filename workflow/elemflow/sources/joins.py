"""Tables put together from the public repositories that hold their parts.

Files are named by the commit of their repository, so that they cannot change. With the versions of pandas and pyarrow
that envs/requirements.txt locks, a table has the same bytes every time: those that the datasets pin.
"""

import gzip
import io
import json
import logging
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from elemflow.core.errors import DataError
from elemflow.core.files import atomic_path, sha256_file
from elemflow.sources.download import download

SERVER = "https://raw.githubusercontent.com"
SETS = ("train", "val", "test")

log = logging.getLogger(__name__)


class WrongPartsError(DataError):
    """What a table is put together from is not what it was, or the packages that write it are others."""


class Repository(NamedTuple):
    """A repository on GitHub in one state."""

    name: str
    commit: str


CRABNET = Repository("anthony-wang/CrabNet", "457b4d4835737ecbe4dd33e53174bd818bd82143")
CRABNET_2020 = Repository("anthony-wang/CrabNet", "dd5b430a6e511e7d18fb5f9871e1be571fe32d90")
CROSS_PROPERTY = Repository("NU-CUCIS/CrossPropertyTL", "7258427fb5fe3cd8d34ece0fdfbd33f690d494a6")
DOMAIN_KNOWLEDGE = Repository("rynmurdock/domain_knowledge", "d5520cefe5ea2471116a0050dc4a083afb6f8cdd")
KING_CRABNET = Repository("Kaaiian/KingCrabNet", "05ffbcc48cd692223c475ebd8ca758e01ded6521")
LEADERBOARD = Repository("usnistgov/jarvis_leaderboard", "57afc55f94c8a6f4562f73a3173968cd4b2f83b1")
MSE_DATASETS = Repository("Kaaiian/mse_datasets", "3c961accaf787c1bdeeb34c2b4fa1c4e2caa9183")
MATMINER_CSV = Repository("Zhang-NJ-Lab/Datasets", "02c69072520ce5be65e2e51b0d237e8dc90d9a53")
ROOST_BAND_GAPS = Repository("CompRhys/roost", "b5e89a4dbd341889acc93fd4b9876e22acd31569")
ROOST_ELEMNET = Repository("CompRhys/roost", "b74f1b2a79cff65dd04f3a4e1219045f16db5cde")
ROOST_FORMATION = Repository("CompRhys/roost", "553aeb3883508e26bf1972faaed23fba8a5d8907")


@dataclass(frozen=True)
class Upstream:
    """Where the repositories' files are downloaded from and to.

    Attributes:
        folder: Folder of the downloads.
        server: Address before repository, commit and path.
        whole: Whether the large training sets are wanted too.
    """

    folder: Path
    server: str = SERVER
    whole: bool = False

    def get(self, repository: Repository, path: str) -> Path:
        """Return a file of a repository, downloaded if it is not there yet."""
        target = self.folder / repository.name / repository.commit / path
        target.parent.mkdir(parents=True, exist_ok=True)
        download(f"{self.server}/{repository.name}/{repository.commit}/{path}", target)
        return target

    def repositories(self) -> str:
        """Return the repositories of the downloads, such as `anthony-wang/CrabNet @ 457b4d4…`, sorted."""
        found = sorted(path.relative_to(self.folder).parts for path in self.folder.glob("*/*/*"))
        return ", ".join(f"{owner}/{name} @ {commit}" for owner, name, commit in found)


def read_csv(path: Path) -> pd.DataFrame:
    """Return a csv file; only empty cells are missing, since NaN is a formula."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def read_sets(files: Upstream, repository: Repository, folder: str, name: str, sets: Sequence[str]) -> pd.DataFrame:
    """Return the sets of one property: the key, the values as `name`, and the set of each row as `split_<name>`.

    Raises:
        WrongPartsError: The first column, which is the key, holds a value twice.
    """
    tables = {part: read_csv(files.get(repository, f"{folder}/{part}.csv")) for part in sets}
    frames = [table.assign(**{f"split_{name}": part}) for part, table in tables.items()]
    found = pd.concat(frames, ignore_index=True).rename(columns={"target": name})
    key = found.columns[0]
    if twice := found[key][found[key].duplicated()].tolist():
        raise WrongPartsError(f"{repository.name} @ {repository.commit}, {folder}: {key} {twice[0]!r} stands twice.")
    return found


def join_properties(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return frames of one key side by side, in the order of the key, with the keys of any."""
    key = frames[0].columns[0]
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.merge(frame, on=key, how="outer")
    return joined.sort_values(key, ignore_index=True)


def join_benchmark(files: Upstream, repository: Repository, prefix: str, names: Sequence[str]) -> pd.DataFrame:
    """Return the properties of a benchmark that has a folder with three sets for each."""
    return join_properties([read_sets(files, repository, f"{prefix}{name}", name, SETS) for name in names])


def join_aflow_icsd(files: Upstream) -> pd.DataFrame:
    """Return `join_benchmark` with formula and number out of ids such as `Ac1Br3_ICSD_31578`."""
    names = [
        "energy_atom", "Egap", "ael_bulk_modulus_vrh", "ael_shear_modulus_vrh", "ael_debye_temperature",
        "agl_thermal_conductivity_300K", "agl_log10_thermal_expansion_300K",
    ]  # fmt: skip
    joined = join_benchmark(files, DOMAIN_KNOWLEDGE, "data/material_properties/", names)
    parts = joined["cif_id"].str.split("_ICSD_", expand=True)
    joined.insert(1, "formula", parts[0])
    joined.insert(2, "icsd_id", parts[1].astype("int64").astype("Int64"))
    return joined


def join_oqmd_composition(files: Upstream) -> pd.DataFrame:
    """Return OQMD-C of CrabNet, with the values of its release of 2020 (`_v1`) where the two differ.

    A composition that only the older release has and that is in neither small set of the newer one belongs to the
    training set which is not read: its set is `train_inferred`.
    """
    folders = {
        "formation_enthalpy": "Formation_Enthalpy",
        "band_gap": "Bandgap",
        "energy_per_atom": "Energy_per_atom",
        "volume_per_atom": "Volume_per_atom",
    }
    return join_properties([_join_releases(files, name, folder) for name, folder in folders.items()])


def _join_releases(files: Upstream, name: str, folder: str) -> pd.DataFrame:
    path = f"data/benchmark_data/OQMD_{folder}"
    sets = SETS if files.whole or name == "band_gap" else SETS[1:]
    older = read_sets(files, CRABNET_2020, path, name, sets)[["formula", name]]
    joined = read_sets(files, CRABNET, path, name, sets).merge(older, "outer", "formula", suffixes=("", "_v1"))
    if "train" not in sets:
        joined[f"split_{name}"] = joined[f"split_{name}"].fillna("train_inferred")
    if name != "formation_enthalpy":
        return joined[["formula", name, f"{name}_v1", f"split_{name}"]]
    # Both releases agree on it.
    joined[name] = joined[name].fillna(joined[f"{name}_v1"])
    return joined[["formula", name, f"split_{name}"]]


def join_oqmd_polymorphs(files: Upstream) -> pd.DataFrame:
    """Return energies and volumes of mse_datasets, whose files have the same rows.

    Raises:
        WrongPartsError: They have not.
    """
    frames = []
    for part in SETS if files.whole else SETS[1:]:
        folder = "Benchmark_Data/IRnet__OQMD_{}_per_atom/" + f"{part}.csv"
        energy, volume = (read_csv(files.get(MSE_DATASETS, folder.format(name))) for name in ("Energy", "Volume"))
        if not energy["formula"].equals(volume["formula"]):
            raise WrongPartsError(
                f"{MSE_DATASETS.name} @ {MSE_DATASETS.commit}: rows of energy and volume differ in {part}."
            )
        columns = {"formula": energy["formula"], "energy_per_atom": energy["target"]}
        frames.append(pd.DataFrame(columns | {"volume_per_atom": volume["target"], "source_split": part}))
    return pd.concat(frames, ignore_index=True)


def join_mp_polymorphs(files: Upstream) -> pd.DataFrame:
    """Return the band gaps of Roost with the formation energies of two other tables, joined by id."""
    folder = "jarvis_leaderboard/benchmarks/AI/SinglePropertyPrediction"
    entries = read_csv(files.get(ROOST_BAND_GAPS, "data/datasets/MP-bandgap.csv"))
    lowest = read_csv(files.get(ROOST_FORMATION, "data/datasets/mp-formation.csv")).set_index("task_id")
    of_2018 = read_leaderboard(files.get(LEADERBOARD, f"{folder}/megnet_e_form.json.zip"))
    gaps_of_2018 = read_leaderboard(files.get(LEADERBOARD, f"{folder}/megnet_gappbe.json.zip"))
    ids = entries["task_id"]
    columns = {
        "formation_energy_per_atom_2018": ids.map(of_2018).astype(float),
        "formation_energy_per_atom_lowest": ids.map(lowest["formation_energy_per_atom"]),
        "band_gap_pbe_2018": ids.map(gaps_of_2018).astype(float),
    }
    known = columns["formation_energy_per_atom_2018"].fillna(columns["formation_energy_per_atom_lowest"])
    first = {"material_id": ids, "pretty_formula": entries["pretty_formula"], "formation_energy_per_atom": known}
    return pd.DataFrame(first | {"band_gap": entries["band_gap"]} | columns)


def join_jarvis_structures(files: Upstream) -> pd.DataFrame:
    """Return the structures of the benchmark of superconductors with values of dft_3d, by id.

    Formula, number of sites, volume (Å³) and density (g/cm³) are those of the structure.
    """
    # A second to import, for one table.
    from pymatgen.core import Structure  # noqa: PLC0415

    folder = "jarvis_leaderboard/benchmarks/AI"
    poscars = read_leaderboard(files.get(LEADERBOARD, f"{folder}/AtomGen/dft_3d_Tc_supercon.json.zip"))
    texts = {name: text.replace("\\n", "\n") for name, text in sorted(poscars.items())}
    structures = [Structure.from_str(text, fmt="poscar") for text in texts.values()]
    table = pd.DataFrame(
        {
            "jid": texts.keys(),
            "formula": [each.composition.reduced_formula for each in structures],
            "nsites": [len(each) for each in structures],
            "volume": [float(each.volume) for each in structures],
            "density": [float(each.density) for each in structures],
        }
    )
    for name in LEADERBOARD_VALUES:
        path = f"{folder}/SinglePropertyPrediction/dft_3d_{name}.json.zip"
        table[name] = table["jid"].map(read_leaderboard(files.get(LEADERBOARD, path))).astype("float64")
    return table.assign(poscar=list(texts.values()), cif=[each.to(fmt="cif") for each in structures])


def read_leaderboard(path: Path) -> dict[str, str]:
    """Return the values of all sets of a benchmark of the JARVIS leaderboard, by id."""
    with zipfile.ZipFile(path) as archive:
        sets: Mapping[str, Mapping[str, str]] = json.loads(archive.read(archive.namelist()[0]))
    return {key: value for values in sets.values() for key, value in values.items()}


def stack_oqmd1(files: Upstream) -> pd.DataFrame:
    """Return ElemNet's test set, and the validation and test sets of Roost's copy; a composition may be in two."""
    folder = "data/material_properties/oqmd"
    parts = {
        "elemnet_test": files.get(ROOST_ELEMNET, "data/datasets/oqmd_test.csv"),
        "roost_val": files.get(KING_CRABNET, f"{folder}/val.csv"),
        "roost_test": files.get(KING_CRABNET, f"{folder}/test.csv"),
    }
    names = {"formula": "composition", "target": "delta_e"}
    frames = [read_csv(path).rename(columns=names).assign(split=part) for part, path in parts.items()]
    return pd.concat(frames, ignore_index=True)[["composition", "delta_e", "split"]]


def stack_jarvis(files: Upstream, folder: str, name: str) -> pd.DataFrame:
    """Return the test and the training set of CrossPropertyTL, one below the other."""
    frames = [
        read_csv(files.get(CROSS_PROPERTY, f"data/{folder}/{folder}_{long}_set.csv")).assign(split=short)
        for long, short in (("test", "test"), ("training", "train"))
    ]
    return pd.concat(frames, ignore_index=True)[["pretty_comp", name, "split"]]


def stack_properties(files: Upstream) -> pd.DataFrame:
    """Return all properties of CrossPropertyTL, one value per row, with the row of the file that it came from."""
    frames = []
    for folder, name in PROPERTIES.items():
        for long, short in (("test", "test"), ("training", "train")):
            file = f"data/{folder}/{SHORT_NAMES.get(folder, folder)}_{long}_set.csv"
            rows = read_csv(files.get(CROSS_PROPERTY, file))
            columns = {"pretty_comp": rows["pretty_comp"], "value": rows[name].astype("float64"), "split": short}
            frames.append(
                pd.DataFrame({"dataset": folder, "property": name, **columns, "source_row": range(len(rows))})
            )
    return pd.concat(frames, ignore_index=True)


def read_text(files: Upstream, repository: Repository, path: str) -> bytes:
    """Return a csv file as it is."""
    return files.get(repository, path).read_bytes()


def to_bytes(table: pd.DataFrame | bytes, file_name: str) -> bytes:
    """Return a table, or the text of one, as the bytes of its file: Parquet, or csv compressed with gzip."""
    written = io.BytesIO()
    if isinstance(table, pd.DataFrame) and file_name.endswith(".parquet"):
        table.to_parquet(written, compression="zstd", compression_level=12, index=False)
        return written.getvalue()
    # Neither a name nor a time in the header.
    if isinstance(table, pd.DataFrame) and file_name in PACKED_IN_CHUNKS:
        packing = {"method": "gzip", "compresslevel": 9, "mtime": 0}
        table.to_csv(written, index=False, lineterminator="\n", compression=packing)
        return written.getvalue()
    text = table if isinstance(table, bytes) else table.to_csv(index=False, lineterminator="\n").encode()
    with gzip.GzipFile(filename="", mode="wb", fileobj=written, compresslevel=9, mtime=0) as packed:
        packed.write(text)
    return written.getvalue()


PACKED_IN_CHUNKS = ("oqmd1_elemnet.csv.gz",)
"""Tables that pandas compresses while it writes them, which shows in their bytes."""
AFLOW = [
    "energy_atom", "Egap", "ael_bulk_modulus_vrh", "ael_shear_modulus_vrh", "ael_debye_temperature",
    "agl_thermal_conductivity_300K", "agl_thermal_expansion_300K",
]  # fmt: skip
BENCHMARKS = "data/benchmark_data"
MP = ["e_hull", "mu_b", "bulk_modulus", "shear_modulus", "elastic_anisotropy"]
JARVIS = {
    "formation_energy_peratom": "deltae",
    "optb88vdw_bandgap": "optb88vdw_bandgap",
    "mbj_bandgap": "mbj_bandgap",
    "bulk_modulus_kv": "bulkmoduluskv",
    "shear_modulus_gv": "shearmodulusgv",
}
LEADERBOARD_VALUES = [
    "Tc_supercon", "formation_energy_peratom", "optb88vdw_bandgap", "mbj_bandgap", "bulk_modulus_kv",
    "shear_modulus_gv", "ehull", "magmom_oszicar",
]  # fmt: skip
PROPERTIES = {
    "bulkmoduluskv": "bulk_modulus_kv", "deltae": "formation_energy_peratom", "ehull": "ehull", "encut": "encut",
    "eps": "eps_average_sq", "etc11": "et_c11", "etc12": "et_c12", "etc13": "et_c13", "etc22": "et_c22",
    "etc33": "et_c33", "etc44": "et_c44", "etc55": "et_c55", "etc66": "et_c66",
    "exfoliation_energy": "exfoliation_energy", "kaa": "kpoints_array_average", "klu": "kpoint_length_unit",
    "magmom_oszicar": "magmom_oszicar", "magmom_outcar": "magmom_outcar", "max_ir_mode": "max_ir_mode",
    "max_mode": "max_mode", "mbj_bandgap": "mbj_bandgap", "meps": "meps_average_sq", "min_ir_mode": "min_ir_mode",
    "min_mode": "min_mode", "nem300k": "n_em300k", "npowerfact": "n_powerfact", "nseebeck": "n_Seebeck",
    "optb88vdw_bandgap": "optb88vdw_bandgap", "pem300k": "p_em300k", "piezo_max_di": "dfpt_piezo_max_dielectric",
    "piezo_max_diel": "dfpt_piezo_max_dielectric_electronic", "piezo_max_diio": "dfpt_piezo_max_dielectric_ioonic",
    "piezo_max_dij": "dfpt_piezo_max_dij", "piezo_max_eij": "dfpt_piezo_max_eij", "ppowerfact": "p_powerfact",
    "pseebeck": "p_Seebeck", "shearmodulusgv": "shear_modulus_gv", "slme": "slme", "spillage": "spillage",
}  # fmt: skip
"""Folders of CrossPropertyTL and the column of each."""
SHORT_NAMES = {
    "exfoliation_energy": "exfoliation", "magmom_oszicar": "magoszi", "magmom_outcar": "magout",
    "max_ir_mode": "maxirm", "max_mode": "maxm", "min_ir_mode": "minirm", "min_mode": "minm", "npowerfact": "npf",
    "nseebeck": "nsb", "piezo_max_di": "pmdi", "piezo_max_diel": "pmdiel", "piezo_max_diio": "pmdiio",
    "piezo_max_dij": "pmdij", "piezo_max_eij": "pmeij", "ppowerfact": "ppf", "pseebeck": "psb",
}  # fmt: skip
"""Folders of CrossPropertyTL whose files have another name than the folder."""
COPIES = {
    "expt_formation_enthalpy": (MATMINER_CSV, "expt_formation_enthalpy.csv"),
    "expt_gap": (MATMINER_CSV, "expt_gap.csv"),
    "wolverton_oxides": (MATMINER_CSV, "wolverton_oxides.csv"),
    "matbench_expt_gap": (CRABNET, "data/matbench/expt_gap.csv"),
    "matbench_mp_gap": (CRABNET, "data/matbench/mp_gap.csv"),
    "matbench_mp_e_form": (CRABNET, "data/matbench/mp_e_form.csv"),
}
TABLES: dict[str, Callable[[Upstream], pd.DataFrame | bytes]] = {
    "oqmd_composition.parquet": join_oqmd_composition,
    "oqmd_polymorphs.parquet": join_oqmd_polymorphs,
    "oqmd1_elemnet.csv.gz": stack_oqmd1,
    "mp_composition_properties.parquet": partial(
        join_benchmark, repository=CRABNET, prefix=f"{BENCHMARKS}/mp_", names=MP
    ),
    "mp_polymorphs.parquet": join_mp_polymorphs,
    "aflow_composition.parquet": partial(
        join_benchmark, repository=CRABNET, prefix=f"{BENCHMARKS}/aflow__", names=AFLOW
    ),
    "aflow_icsd.parquet": join_aflow_icsd,
    "jarvis_composition_long.parquet": stack_properties,
    "jarvis_structures.parquet": join_jarvis_structures,
    **{f"jarvis_dft3d_{name}.csv.gz": partial(stack_jarvis, folder=each, name=name) for name, each in JARVIS.items()},
    **{f"{name}.csv.gz": partial(read_text, repository=each, path=path) for name, (each, path) in COPIES.items()},
}
"""What puts each table together, by the name of its file."""


def write(name: str, files: Upstream, folder: Path, expected: str | None) -> str:
    """Put a table together, compare its bytes with what is expected, and write it.

    Returns:
        Its SHA-256.

    Raises:
        DataError: A part cannot be had; then nothing is written.
        WrongPartsError: A part cannot be read, or the bytes are others; nothing is written either.
    """
    target = folder / name
    try:
        table = TABLES[name](files)
    except (LookupError, ValueError, zipfile.BadZipFile) as error:
        raise WrongPartsError(
            f"{target} cannot be put together: a file of {files.repositories()} is not what it was ({error!r}). Get it "
            "again; nothing was written."
        ) from error
    with atomic_path(target) as part:
        part.write_bytes(to_bytes(table, name))
        found = sha256_file(part)
        if expected and found != expected:
            # The text of a copied table depends on nothing that is installed.
            versions = (
                ""
                if isinstance(table, bytes)
                else " or pandas, pyarrow or pymatgen are not of the versions that envs/requirements.txt locks (`make "
                f"setup` installs them; here pandas {pd.__version__})"
            )
            raise WrongPartsError(
                f"{target} would have the SHA-256 {found}, but its source pins {expected}. A file of "
                f"{files.repositories()} is not what it was{versions}. Nothing was written."
            )
    log.info("%s: SHA-256 %s%s", target, found, ", as pinned" if expected else "")
    return found
