"""Names that config files may use, and the module behind each.

Modules are named here and imported by the job that needs one, so that reading the plan stays light. This file is left
out of code digests: the module behind a name is digested in its own right, and a new name must not rerun old jobs.
"""

from elemflow.core.errors import ConfigError, nearest

SOURCES = {
    "table": "elemflow.sources.table",
    "matminer": "elemflow.sources.matminer_dataset",
    "matminer_transport": "elemflow.sources.matminer_transport",
    "miedema": "elemflow.sources.miedema",
    "prototypes": "elemflow.sources.prototypes",
    "materials_project": "elemflow.sources.materials_project",
    "jarvis": "elemflow.sources.jarvis",
    "oqmd": "elemflow.sources.oqmd",
    "aflow": "elemflow.sources.aflow",
    "optimade": "elemflow.sources.optimade",
}
FEATURES = {
    "ef": "elemflow.features.elemental_fractions",
    "pa": "elemflow.features.magpie",
    "pa_frac": "elemflow.features.magpie_valence_fractions",
    "st": "elemflow.features.voronoi",
}
FITTERS = {
    "network": "elemflow.training.fitters.network",
    "estimator": "elemflow.training.fitters.estimator",
    "search": "elemflow.training.fitters.search",
    "best_of": "elemflow.training.fitters.best_of",
}
NETWORKS = {
    "dense": "elemflow.networks.dense",
    "concatenated": "elemflow.networks.concatenated",
    "merge_and_run": "elemflow.networks.merge_and_run",
    "unet": "elemflow.networks.unet",
    "convolutional": "elemflow.networks.convolutional",
    "recurrent": "elemflow.networks.recurrent",
    "custom": "elemflow.networks.custom",
}
FIGURES = {
    "parity": "elemflow.reporting.figures.kinds.parity",
    "training_curves": "elemflow.reporting.figures.kinds.training_curves",
    "bars": "elemflow.reporting.figures.kinds.bars",
    "calibration": "elemflow.reporting.figures.kinds.calibration",
    "applicability": "elemflow.reporting.figures.kinds.applicability",
    "error_cdf": "elemflow.reporting.figures.kinds.error_cdf",
    "error_by_target": "elemflow.reporting.figures.kinds.error_by_target",
    "relative_change": "elemflow.reporting.figures.kinds.relative_change",
    "size_curve": "elemflow.reporting.figures.kinds.size_curve",
    "hold_out": "elemflow.reporting.figures.kinds.hold_out",
    "cost": "elemflow.reporting.figures.kinds.cost",
    "element_error": "elemflow.reporting.figures.kinds.element_error",
    "element_comparison": "elemflow.reporting.figures.kinds.element_comparison",
    "element_vectors": "elemflow.reporting.figures.kinds.element_vectors",
    "importance": "elemflow.reporting.figures.kinds.importance",
}
# Kinds of figure that draw datasets.
DATA_FIGURES = {
    "element_population": "elemflow.reporting.figures.kinds.element_population",
    "distribution": "elemflow.reporting.figures.kinds.distribution",
}
# Files of a run that a kind of figure reads besides its metrics.json.
FIGURE_INPUTS: dict[str, tuple[str, ...]] = {
    "parity": ("predictions.parquet",),
    "training_curves": ("history.parquet",),
    "bars": (),
    "calibration": (),
    "applicability": ("predictions.parquet", "applicability.parquet"),
    "error_cdf": ("predictions.parquet",),
    "error_by_target": ("predictions.parquet",),
    "relative_change": ("run_info.json",),
    "size_curve": ("run_info.json",),
    "hold_out": ("predictions.parquet", "run_info.json"),
    "cost": ("run_info.json",),
    "element_error": ("predictions.parquet",),
    "element_comparison": ("predictions.parquet",),
    "element_vectors": ("model",),
    "importance": ("importance.csv",),
}
# Kinds of table and figure that show datasets, and those of them that need a property.
WITHOUT_RUNS = ("datasets", *DATA_FIGURES)
NEEDS_PROPERTY = ("distribution",)
# Kinds of figure that read the materials of their datasets, and those that read the splits of their runs.
READS_MATERIALS = ("element_vectors", *DATA_FIGURES)
READS_SPLITS = ("element_error",)
TABLES = {
    "errors": "elemflow.reporting.tables.errors",
    "comparison": "elemflow.reporting.tables.comparison",
    "datasets": "elemflow.reporting.tables.datasets",
    "intervals": "elemflow.reporting.tables.intervals",
    "test_set_selection": "elemflow.reporting.tables.test_set_selection",
    "quantities": "elemflow.reporting.tables.quantities",
}
# Files of a run that a kind of table reads besides its metrics.json.
TABLE_INPUTS: dict[str, tuple[str, ...]] = {
    "errors": ("run_info.json",),
    "comparison": ("predictions.parquet", "run_info.json"),
    "datasets": (),
    "intervals": (),
    "test_set_selection": ("run_info.json",),
    "quantities": ("run_info.json",),
}
# Key that the protocols of a kind of table or figure must switch on.
PROTOCOL_NEEDS = {"calibration": "uncertainty", "intervals": "uncertainty", "hold_out": "split.hold_out"}


def parts_of(representation: str) -> list[str]:
    """Return the parts of a representation such as `st+pa+ef`, in its order.

    Raises:
        ConfigError: A part is unknown or stands twice.
    """
    parts = representation.split("+")
    for part in parts:
        if part not in FEATURES:
            raise ConfigError(f"unknown part '{part}'. Known: {', '.join(FEATURES)}.{nearest(part, FEATURES)}")
        if parts.count(part) > 1:
            raise ConfigError(f"the part '{part}' stands twice.")
    return parts
