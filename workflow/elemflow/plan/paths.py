"""Where everything lies: one constant per artefact, a Snakemake pattern that `format` fills in.

The rules and the package take their paths from here; no other place spells a folder of the results. `resources/raw` and
`results` lie in the folder that Snakemake works in, the rest of `resources` with the package; see
`elemflow.plan.workflow.Workflow.shipped`.
"""

from os import PathLike
from pathlib import Path

from elemflow.core.run import RUN_PATTERN, Run

SUFFIXES_OF_TABLE = ("", ".csv", ".md", ".tex", ".html")
SUFFIXES_OF_FIGURE = ("", ".csv", ".svg", ".png")

RESULTS = "results"
BENCHMARKS = "results/benchmarks"
RUNS = "results/runs"
SPLITS = "results/splits"

# sources
PUBLISHED_MAE = "resources/published/published_mae.csv"
PUBLISHED_OTHER = "resources/published/published_other.csv"
REFERENCES = "resources/published/references.bib"
OWN_PUBLISHED = "config/published"
PUBLISHED_STABILITY = "resources/published/published_stability.csv"
RATES = "resources/rates.csv"
RECORD = "resources/record"
COPIES = "config/overlays/local_tables.yaml"
MANIFEST = "resources/raw/{dataset}/manifest.json"

# curation
ABOUT = "results/datasets/{dataset}/about.json"
ENTRIES = "results/datasets/{dataset}/entries.parquet"
MATERIALS = "results/datasets/{dataset}/materials.parquet"
REJECTED = "results/datasets/{dataset}/rejected.parquet"
CROISSANT = "results/datasets/{dataset}/croissant.json"
CURATION = "results/datasets/{dataset}/curation.json"
MATERIALS_RECORD = "results/datasets/{dataset}/provenance.json"

# features
CHUNK = "results/features/{dataset}/{part}/{scatteritem}.parquet"
CHUNK_REJECTED = "results/features/{dataset}/{part}/{scatteritem}.rejected.parquet"
FEATURES = "results/features/{dataset}/{part}.parquet"
FEATURES_REJECTED = "results/features/{dataset}/{part}.rejected.parquet"
FEATURES_RECORD = "results/features/{dataset}/{part}.provenance.json"

# splits
SPLIT = "results/splits/{dataset}/{property}/{protocol}.parquet"
SPLIT_RECORD = "results/splits/{dataset}/{property}/{protocol}.provenance.json"

# runs
RUN_FILE = f"results/runs/{RUN_PATTERN}/{{name}}"
PREDICTIONS = f"results/runs/{RUN_PATTERN}/predictions.parquet"
HISTORY = f"results/runs/{RUN_PATTERN}/history.parquet"
RUN_INFO = f"results/runs/{RUN_PATTERN}/run_info.json"
MODEL = f"results/runs/{RUN_PATTERN}/model"
RUN_RECORD = f"results/runs/{RUN_PATTERN}/provenance.json"
METRICS = f"results/runs/{RUN_PATTERN}/metrics.json"
METRICS_RECORD = f"results/runs/{RUN_PATTERN}/metrics.provenance.json"
APPLICABILITY = f"results/runs/{RUN_PATTERN}/applicability.parquet"
APPLICABILITY_RECORD = f"results/runs/{RUN_PATTERN}/applicability.provenance.json"
IMPORTANCE = f"results/runs/{RUN_PATTERN}/importance.csv"
IMPORTANCE_RECORD = f"results/runs/{RUN_PATTERN}/importance.provenance.json"
CHECKPOINTS = f"results/checkpoints/{RUN_PATTERN}"
CANDIDATES = f"results/candidates/{{candidates}}/{RUN_PATTERN}"

# bases
BASE_JOINT = "results/bases/{base}/joint.parquet"
BASE_JOINT_REPORT = "results/bases/{base}/joint.json"
BASE_JOINT_RECORD = "results/bases/{base}/joint.provenance.json"
BASE_FEATURES = "results/bases/{base}/{part}.parquet"
BASE_FEATURES_REJECTED = "results/bases/{base}/{part}.rejected.parquet"
BASE_FEATURES_RECORD = "results/bases/{base}/{part}.provenance.json"
BASE_NETWORK = "results/bases/{base}/network-{number}.npz"
BASE_NETWORK_RECORD = "results/bases/{base}/network-{number}.provenance.json"
BASE_CHECKPOINT = "results/checkpoints/bases/{base}/network-{number}.npz"
BASE_FILE = "results/bases/{base}/{base}.elemflow"
BASE_CARD = "results/bases/{base}/README.md"
BASE_ERRORS = "results/bases/{base}/errors.csv"
BASE_FILE_RECORD = "results/bases/{base}/{base}.provenance.json"

# stability
STABILITY = f"results/runs/{RUN_PATTERN}/stability.parquet"
STABILITY_REPORT = f"results/runs/{RUN_PATTERN}/stability.json"
STABILITY_RECORD = f"results/runs/{RUN_PATTERN}/stability.provenance.json"
HULL = "results/hulls/{dataset}/{property}.parquet"
HULL_RECORD = "results/hulls/{dataset}/{property}.provenance.json"
HULL_TREES = "results/hulls/{dataset}/{property}.trees"
SECOND_STAGE = f"results/runs/{RUN_PATTERN}/stability.trees"

# tables, figures, claims
TABLE = "results/tables/{study}/{table}"
BIBLIOGRAPHY = "results/tables/{study}/references.bib"
CITATION = "results/tables/{study}/CITATION.cff"
ALL_TABLES = "results/tables/all"
FIGURE = "results/figures/{study}/{figure}"
ALL_FIGURES = "results/figures/all"
CLAIMS = "results/claims/{study}"
ALL_CLAIMS = "results/claims/all"

# the site of a build
SITE = "results/index.html"
SITE_PAGES = "results/pages"

# plan, costs, crates
PUBLISHED_OF_RUNS = "results/plan/published.json"
PLAN = "results/plan/runs.tsv"
COSTS = "results/plan/costs.csv"
COSTS_PAGE = "results/plan/costs.html"
FORECAST = "results/plan/cost.tsv"
RECORD_UPDATE = "results/plan/recorded.csv"
CRATE = "results/crate/{study}"
ALL_CRATES = "results/crate/all"


def log(rule: str, keys: str = "") -> str:
    """Return the pattern of the log of a rule, whose jobs the wildcards in `keys` tell apart."""
    return f"results/logs/{rule}/{keys}.log" if keys else f"results/logs/{rule}.log"


def benchmark(rule: str, keys: str = "") -> str:
    """Return the pattern of the benchmark of a rule, whose jobs the wildcards in `keys` tell apart."""
    return f"results/benchmarks/{rule}/{keys}.tsv" if keys else f"results/benchmarks/{rule}.tsv"


def dataset_of(curation: str | PathLike[str]) -> str:
    """Return the dataset of a `curation.json`, of the results or of a recorded run."""
    folder = Path(curation).parent
    return folder.name if folder.parent.name == "datasets" else Run.of_folder(folder).dataset
