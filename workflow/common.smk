# Reads the configuration and the plan once and answers the questions of the rules. It lies in workflow/ on purpose:
# Snakemake puts the folder of an included file on the import path, here and in every job, so `import elemflow` works.

import re
import sys
from functools import lru_cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from elemflow.plan import claims as elemflow_claims
from elemflow.config import load as elemflow_config
from elemflow.plan import forecast as elemflow_forecast
from elemflow.plan import grid as elemflow_grid
from elemflow.plan import build as elemflow_plan
from elemflow.plan import cli_targets as elemflow_targets
from elemflow.provenance.code_digest import code_digest
from elemflow.core.errors import ElemflowError
from elemflow.provenance.failures import describe_failures, failure_of_run
from elemflow.config.pretraining import MARK, source_protocol_id
from elemflow.plan.published import read_published, read_published_quantities
from elemflow.config.kinds import (
    DATA_FIGURES,
    FEATURES,
    FIGURE_INPUTS,
    FIGURES,
    FITTERS,
    NETWORKS,
    READS_MATERIALS,
    READS_SPLITS,
    SOURCES,
    TABLE_INPUTS,
    TABLES,
    parts_of,
)
from elemflow.plan.resources import count_materials, training_memory_mb, training_minutes

ROOT = Path(workflow.basedir)
EVALUATION_KEYS = ("title", "report", "ensemble", "uncertainty")  # of a protocol; training does not depend on them
SUBSET_KEYS = ("hold_out", "train_rows")  # of `split`; see elemflow.splits.reduced_training
RUN = "{dataset}/{property}/{representation}/{model}/{protocol}"

try:
    SETTINGS = elemflow_config.load_plain(config, ROOT, workflow.configfiles)
    PRINTED = read_published(ROOT / "resources/published/published_mae.csv") | read_published_quantities(
        ROOT / "resources/published/published_other.csv"
    )
    PLAN = elemflow_plan.build(SETTINGS, PRINTED)
    CLAIMS = elemflow_claims.build(SETTINGS, PLAN)
except ElemflowError as error:
    raise WorkflowError(str(error)) from None
SUBSET_PROTOCOLS = {name for name, each in SETTINGS.protocols.items() if any(k in each["split"] for k in SUBSET_KEYS)}


def one_of(names):
    """Return a regular expression that matches exactly the given names."""
    return "|".join(re.escape(name) for name in sorted(names)) or "(?!)"


PROPERTIES = {name for dataset in SETTINGS.datasets.values() for name in dataset["properties"]}
SOURCE_PROTOCOLS = {
    source_protocol_id(SETTINGS.protocols, (dataset, name, protocol))
    for protocol, declared in SETTINGS.protocols.items()
    if "pretraining" in declared
    for dataset, about in SETTINGS.datasets.items()
    for name in about["properties"]
}

# The pattern of their ids, since hundreds of them as alternatives take seconds to compile in each of many rules.
SOURCE_PROTOCOL = r"\.".join(
    f"(?:{part})"
    for part in (
        one_of({name.split(".")[0] for name in SOURCE_PROTOCOLS}),
        MARK,
        one_of(SETTINGS.datasets),
        one_of(PROPERTIES),
        one_of({name.split(".")[-1] for name in SOURCE_PROTOCOLS}),
    )
)


def check_targets():
    """Refuse a target of the command line with a study, an item or an id that does not exist."""
    items = {"tables": PLAN.tables, "figures": PLAN.figures}
    known = elemflow_targets.Known(
        declared=sorted(path.stem for path in (ROOT / "config/studies").glob("*.y*ml")),
        selected=SETTINGS.selected,
        items={
            kind: {study: [item for of, item in found if of == study] for study in SETTINGS.selected}
            for kind, found in items.items()
        },
        ids={
            "dataset": SETTINGS.datasets,
            "property": PROPERTIES
            | {
                name
                for each in SETTINGS.datasets.values()
                for name in (*each["missing_properties"], *each["read_from"])
            },
            "representation": FEATURES,
            "model": SETTINGS.models,
            "protocol": {*SETTINGS.protocols, *SOURCE_PROTOCOLS},
        },
    )
    try:
        elemflow_targets.check_targets(sys.argv[1:], known)  # Snakemake itself knows its targets only later
    except ElemflowError as error:
        raise WorkflowError(str(error)) from None


check_targets()


wildcard_constraints:
    dataset=one_of(SETTINGS.datasets),
    property=one_of(PROPERTIES),
    part=one_of(FEATURES),
    representation=f"(?:{one_of(FEATURES)})(?:\\+(?:{one_of(FEATURES)}))*",
    model=one_of(SETTINGS.models),
    protocol=f"{one_of(SETTINGS.protocols)}|{SOURCE_PROTOCOL}",
    study=one_of(SETTINGS.selected),
    table=one_of({table for _, table in PLAN.tables}),
    figure=one_of({figure for _, figure in PLAN.figures}),


@lru_cache(maxsize=None)
def get_code(script, *modules, file=None):
    """Return the digest of a script, and of the modules and the user's file that the config makes it run."""
    return code_digest(ROOT / "scripts" / script, ROOT / "workflow", modules, (ROOT / file,) if file else ())


def get_dataset(dataset):
    """Return a dataset declaration with the path of a local table resolved."""
    declared = SETTINGS.datasets[dataset]
    source = dict(declared["source"])
    if "path" in source:
        source["path"] = str(SETTINGS.data_folder / source["path"])
    return declared | {"source": source}


def get_local_table(wildcards):
    """Return the local file that a dataset is copied from, if it is."""
    source = get_dataset(wildcards.dataset)["source"]
    return [source["path"]] if "path" in source else []


def get_source_cfg(wildcards):
    """Return what retrieval depends on: not the texts that captions show."""
    return {"source": get_dataset(wildcards.dataset)["source"]}


def get_dataset_texts(wildcards):
    """Return what is told of a dataset and decides no number."""
    dataset = SETTINGS.datasets[wildcards.dataset]
    return {key: dataset[key] for key in ("title", "version", "license", "citation") if key in dataset}


def get_source_code(wildcards):
    """Return the digest of the code that retrieves a dataset."""
    return get_code("retrieve_dataset.py", SOURCES[SETTINGS.datasets[wildcards.dataset]["source"]["kind"]])


def get_curation_cfg(wildcards):
    """Return what curation depends on: not the texts that captions show."""
    dataset = get_dataset(wildcards.dataset)
    properties = {
        name: {key: value for key, value in spec.items() if key != "title"}
        for name, spec in dataset["properties"].items()
    }
    shown = ("title", "version", "license", "citation", "published_size", "missing_properties", "read_from")
    return {key: value for key, value in dataset.items() if key not in shown} | {"properties": properties}


def get_curation_code(wildcards):
    """Return the digest of the code that reads and curates a dataset."""
    return get_code("curate_dataset.py", SOURCES[SETTINGS.datasets[wildcards.dataset]["source"]["kind"]])


def get_chunk_cfg(wildcards):
    """Return the module that computes one part of a representation, and for which share of the materials."""
    number, chunks = wildcards.scatteritem.split("-of-")
    place = {"chunk": int(number) - 1, "chunks": int(chunks)}
    return {"part": wildcards.part, "module": FEATURES[wildcards.part]} | place


def get_features_code(wildcards):
    """Return the digest of the code that computes one part of a representation."""
    return get_code("featurize_chunk.py", FEATURES[wildcards.part])


def get_split_cfg(wildcards):
    """Return what a division of materials depends on."""
    return {"property": wildcards.property, "split": SETTINGS.protocol(wildcards.protocol)["split"]}


def get_subset_cfg(wildcards):
    """Return what a division with fewer training materials depends on."""
    cfg = get_split_cfg(wildcards)
    return cfg | {"members_per_division": elemflow_config.members_per_division(cfg["split"])}


def get_split_file(wildcards):
    """Return the list that a protocol divides by, if it does."""
    path = SETTINGS.protocol(wildcards.protocol)["split"].get("path")
    return [str(SETTINGS.data_folder / path)] if path else []


def get_target_files(wildcards):
    """Return the division that a source run must keep apart from, and the materials that it divides."""
    target = SETTINGS.protocol(wildcards.protocol)["split"]["exclude"]
    return {
        "target_split": f"results/splits/{target['dataset']}/{target['property']}/{target['protocol']}.parquet",
        "target_materials": f"results/datasets/{target['dataset']}/materials.parquet",
    }


def get_features(wildcards):
    """Return the feature files of a representation, in the order of its parts."""
    return [f"results/features/{wildcards.dataset}/{part}.parquet" for part in parts_of(wildcards.representation)]


def get_pretrained(wildcards):
    """Return what a run takes from its source run, if it has one: models, division and materials."""
    run = elemflow_grid.Run(*(wildcards[key] for key in elemflow_grid.RUN_KEYS))
    try:
        source = elemflow_grid.source_run(SETTINGS, run)
    except ElemflowError as error:
        raise WorkflowError(f"Run {run.path}: {error}") from None
    if source is None:
        return []
    return [
        f"results/runs/{source.path}/model",
        f"results/splits/{source.dataset}/{source.property}/{source.protocol}.parquet",
        f"results/datasets/{source.dataset}/materials.parquet",
    ]


def get_run_cfg(wildcards):
    """Return what a run depends on, titles and published names aside."""
    model = {k: v for k, v in SETTINGS.models[wildcards.model].items() if k not in ("title", "published")}
    protocol = {k: v for k, v in SETTINGS.protocol(wildcards.protocol).items() if k not in EVALUATION_KEYS}
    prop = SETTINGS.datasets[wildcards.dataset]["properties"].get(wildcards.property)
    if prop is None:
        raise WorkflowError(f"Dataset '{wildcards.dataset}' has no property '{wildcards.property}'.")
    return {
        "run": {key: wildcards[key] for key in elemflow_grid.RUN_KEYS},
        "property": {key: prop[key] for key in ("unit", "minimum") if key in prop},
        "model": model,
        "protocol": protocol,
    }


def get_evaluation_cfg(wildcards):
    """Return what the evaluation of a run depends on besides its predictions."""
    protocol = SETTINGS.protocol(wildcards.protocol)
    cfg = {"report": protocol["report"]}
    if "ensemble" not in protocol:
        return cfg
    members = {"members_per_split": elemflow_config.members_per_division(protocol["split"])}
    return cfg | {key: protocol[key] for key in ("ensemble", "uncertainty")} | members


def get_applicability_cfg(wildcards):
    """Return which numbers of a run count as its materials, and how many of its members share a division."""
    split = SETTINGS.protocol(wildcards.protocol)["split"]
    run = {key: wildcards[key] for key in ("dataset", "property")}
    return {"run": run, "members_per_division": elemflow_config.members_per_division(split)}


def is_network(wildcards):
    """Tell whether a run trains a neural network."""
    return SETTINGS.models[wildcards.model]["kind"] == "network"


def get_training_code(wildcards):
    """Return the digest of the code that trains a run."""
    model = SETTINGS.models[wildcards.model]
    spec = model["spec"] if model["kind"] == "network" else {}
    families = [NETWORKS[spec["family"]]] if spec else []
    return get_code("train_model.py", FITTERS[model["kind"]], *families, file=spec.get("file"))


def write_packing_plan():
    """Tell trainings which others they may go on with; not while parsing, since only a start knows what will run."""
    # Imported here, since no other parse needs it.
    from elemflow.training import packing

    packing.write_plan(workflow.dag.needrun_jobs(), SETTINGS.packing)


def get_asking_code(script, wildcards):
    """Return the digest of a script that asks a stored model, with the family of its network."""
    model = SETTINGS.models[wildcards.model]
    spec = model["spec"] if model["kind"] == "network" else {}
    families = [NETWORKS[spec["family"]]] if spec else []
    return get_code(script, *families, file=spec.get("file"))


def get_importance_code(wildcards):
    """Return the digest of the code that shuffles the inputs of a run."""
    return get_asking_code("permute_inputs.py", wildcards)


def get_candidates_cfg(wildcards):
    """Return what the judgement of candidates depends on besides the files of the run."""
    return {"report": SETTINGS.protocol(wildcards.protocol)["report"]}


def get_candidates_code(wildcards):
    """Return the digest of the code that ranks candidates by a run."""
    return get_asking_code("rank_candidates.py", wildcards)


def get_candidate_features(wildcards):
    """Return the features of candidates in the representation of the run that predicts them."""
    return [f"results/features/{wildcards.candidates}/{part}.parquet" for part in parts_of(wildcards.representation)]


def get_gpus(wildcards):
    """Return the number of GPUs a run asks for: one for a network, none for an estimator."""
    return 1 if is_network(wildcards) else 0


def growing(megabytes):
    """Return the resource function of a memory that grows by as much again with each attempt."""

    def get_memory(wildcards, attempt):
        return megabytes * attempt

    return get_memory


def get_materials_count(wildcards):
    """Return how many materials a run has, or a guess while the dataset is not curated."""
    most = SETTINGS.protocol(wildcards.protocol)["split"].get("max_materials")
    found = count_materials(f"results/datasets/{wildcards.dataset}/curation.json")
    return min(found, most) if most else found


def get_training_memory(wildcards, attempt):
    """Return the memory of a training job in MB, more on each attempt."""
    model, protocol = SETTINGS.models[wildcards.model], SETTINGS.protocol(wildcards.protocol)
    materials = get_materials_count(wildcards)
    return training_memory_mb(materials, wildcards.representation, model, protocol) * attempt


def get_training_minutes(wildcards):
    """Return the minutes that a training job asks for."""
    model, protocol = SETTINGS.models[wildcards.model], SETTINGS.protocol(wildcards.protocol)
    return training_minutes(get_materials_count(wildcards), model, protocol)


@lru_cache(maxsize=None)
def get_failure(run):
    """Return where a run failed, if failed runs are to be shown rather than tried again."""
    return failure_of_run(run, Path("results")) if SETTINGS.keep_failed else None


def get_runs(item):
    """Return the runs behind a table or figure, without those that are shown as failed."""
    return [run for run in PLAN.runs_of(item) if not get_failure(run)]


def get_table(wildcards):
    """Return what a table shows."""
    table = PLAN.tables[wildcards.study, wildcards.table]
    failed = {run: get_failure(run)._asdict() for run in PLAN.runs_of(table) if get_failure(run)}
    return table | ({"failed": failed} if failed else {})


def get_figure(wildcards):
    """Return what a figure shows."""
    return PLAN.figures[wildcards.study, wildcards.figure]


def get_table_metrics(wildcards):
    """Return the metrics behind a table."""
    return [f"results/runs/{run}/metrics.json" for run in get_runs(get_table(wildcards))]


def get_table_files(wildcards):
    """Return what the kind of a table reads of its runs besides their metrics."""
    table = get_table(wildcards)
    return [f"results/runs/{run}/{name}" for run in get_runs(table) for name in TABLE_INPUTS[table["kind"]]]


def get_table_code(wildcards):
    """Return the digest of the code that writes a table."""
    return get_code("make_table.py", TABLES[get_table(wildcards)["kind"]])


def get_table_curation(wildcards):
    """Return the funnels of the datasets in a table."""
    return [f"results/datasets/{dataset}/curation.json" for dataset in get_table(wildcards)["datasets"]]


def get_figure_runs(wildcards):
    """Return the files behind a figure: the metrics of its runs, and what its kind draws."""
    figure = get_figure(wildcards)
    names = ("metrics.json", *FIGURE_INPUTS.get(figure["kind"], ()))
    return [f"results/runs/{run}/{name}" for run in get_runs(figure) for name in names]


def get_figure_materials(wildcards):
    """Return the materials of the datasets in a figure, if its kind reads them."""
    figure = get_figure(wildcards)
    datasets = figure["datasets"] if figure["kind"] in READS_MATERIALS else []
    return [f"results/datasets/{dataset}/materials.parquet" for dataset in datasets]


def get_figure_splits(wildcards):
    """Return the splits of the runs in a figure, if its kind reads them."""
    figure = get_figure(wildcards)
    runs = get_runs(figure) if figure["kind"] in READS_SPLITS else []
    keys = {(dataset, name, protocol) for dataset, name, _, _, protocol in (run.split("/") for run in runs)}
    return [f"results/splits/{'/'.join(each)}.parquet" for each in sorted(keys)]


def get_figure_curation(wildcards):
    """Return the funnels of the datasets in a figure."""
    return [f"results/datasets/{dataset}/curation.json" for dataset in get_figure(wildcards)["datasets"]]


def get_figure_code(wildcards):
    """Return the digest of the code that draws a figure."""
    return get_code("plot_figure.py", (FIGURES | DATA_FIGURES)[get_figure(wildcards)["kind"]])


def get_study_title(wildcards):
    """Return the title of a study, the category of its items in the report.

    The link that Snakemake makes of a category ends at its first colon, and two of one name spoil the first page.
    """
    return SETTINGS.studies[wildcards.study]["title"].replace(":", " –")


def get_claims(wildcards):
    """Return what the page of claims of a study shows."""
    return CLAIMS[wildcards.study]


def get_claim_tables(suffix):
    """Return the input function of the tables that the claims of a study are about."""

    def get_files(wildcards):
        return [f"results/tables/{wildcards.study}/{table}{suffix}" for table in get_claims(wildcards)["tables"]]

    return get_files


def get_all_claim_tables():
    """Return the csv of every table that a claim is about."""
    return [f"results/tables/{study}/{table}.csv" for study, cfg in CLAIMS.items() for table in cfg["tables"]]


def get_all_claims():
    """Return the claims of every study that has any, and those of all together."""
    return [f"results/claims/{study}" for study in (*CLAIMS, "all")] if CLAIMS else []


def get_bibliography_cfg(wildcards):
    """Return the citation keys behind a study."""
    return {"keys": elemflow_plan.citations(SETTINGS, PLAN, wildcards.study)}


def get_all_bibliographies():
    """Return the BibTeX file of every study that has tables."""
    return [f"results/tables/{study}/references.bib" for study in sorted({study for study, _ in PLAN.tables})]


def get_all_raw():
    """Return the manifest of every dataset that a run or a figure needs."""
    return [f"resources/raw/{dataset}/manifest.json" for dataset in PLAN.datasets()]


def get_all_tables(suffix=""):
    """Return one file of every table that the config asks for."""
    return [f"results/tables/{study}/{table}{suffix}" for study, table in PLAN.tables]


def get_all_figures(suffix=""):
    """Return one file of every figure that the config asks for."""
    return [f"results/figures/{study}/{figure}{suffix}" for study, figure in PLAN.figures]


def get_all_runs(name):
    """Return one file of every run."""
    return [f"results/runs/{run.path}/{name}" for run in PLAN.runs if not get_failure(run.path)]


def get_source_metrics():
    """Return the metrics of the runs that others start from; no table asks for them."""
    return [f"results/runs/{run.path}/metrics.json" for run in PLAN.runs if run.protocol in SOURCE_PROTOCOLS]


def get_runs_by_study():
    """Return the paths of the runs of every study."""
    studies = {}
    for run, users in PLAN.runs.items():
        for study in sorted({user.split("/")[0] for user in users}):
            studies.setdefault(study, []).append(run.path)
    return studies


def get_forecast_cfg(wildcards):
    """Return what the forecast of costs reads of every run, with the true sizes of the datasets that are curated."""
    return {"runs": elemflow_forecast.describe(SETTINGS, PLAN, Path("results"))}


def get_items(study):
    """Return the tables and figures of a study."""
    return [item for group in (PLAN.tables, PLAN.figures) for (of, _), item in group.items() if of == study]


def get_crate_runs(wildcards):
    """Return what a crate holds of the runs behind a study."""
    runs = get_runs_by_study().get(wildcards.study, [])
    names = ("run_info.json", "metrics.json", "predictions.parquet")
    return [f"results/runs/{run}/{name}" for run in runs for name in names]


def get_crate_products(wildcards):
    """Return the tables and figures of a study, in every format, and what to cite."""
    study = wildcards.study
    tables = [f"results/tables/{study}/{table}{suffix}" for of, table in PLAN.tables if of == study
              for suffix in ("", ".csv", ".md", ".tex", ".html")]  # fmt: skip
    figures = [f"results/figures/{study}/{figure}{suffix}" for of, figure in PLAN.figures if of == study
               for suffix in ("", ".csv", ".svg", ".png")]  # fmt: skip
    return [*tables, *figures, *([f"results/tables/{study}/references.bib"] if tables else [])]


def get_crate_manifests(wildcards):
    """Return the manifests of the raw files behind a study."""
    datasets = dict.fromkeys(dataset for item in get_items(wildcards.study) for dataset in item["datasets"])
    return [f"resources/raw/{dataset}/manifest.json" for dataset in datasets]


def get_crate_cfg(wildcards):
    """Return what a crate says of a study besides its files."""
    study = SETTINGS.studies[wildcards.study]
    datasets = {name: about for item in get_items(wildcards.study) for name, about in item["datasets"].items()}
    told = {name: {key: about[key] for key in ("title", "license", "citation")} for name, about in datasets.items()}
    # Where files lie is a matter of this machine.
    as_run = {key: value for key, value in config.items() if key not in ("data_folder", "mirror")}
    about = {"study": wildcards.study, "title": study["title"], "reference": study["reference"]}
    return about | {"datasets": told, "configuration": as_run}


def get_all_datasets():
    """Return the funnel of every dataset that a run or a figure needs."""
    return [f"results/datasets/{dataset}/curation.json" for dataset in PLAN.datasets()]


def get_all_features():
    """Return every feature file that a run needs."""
    needed = {(run.dataset, part) for run in PLAN.runs for part in parts_of(run.representation)}
    return [f"results/features/{dataset}/{part}.parquet" for dataset, part in sorted(needed)]


def get_all_splits():
    """Return every division that a run needs."""
    needed = {(run.dataset, run.property, run.protocol) for run in PLAN.runs}
    return [f"results/splits/{'/'.join(keys)}.parquet" for keys in sorted(needed)]
