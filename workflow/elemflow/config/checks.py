"""What the JSON schemas cannot say: whether the keys of a declaration fit each other and the other declarations.

Every mistake is named by file and key, with what was found and what is allowed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elemflow.chemistry.composition import SYMBOLS
from elemflow.config import estimators
from elemflow.config.kinds import FEATURES
from elemflow.config.read import Declarations
from elemflow.config.size_dependent import check_order
from elemflow.core.errors import ConfigError, nearest
from elemflow.networks.families.registry import read_spec

KEPT_COLUMNS = ("material_id", "entry_id", "formula", "composition", "n_entries", "structure_type", "structure")
RESERVED = (*KEPT_COLUMNS, "code")


def check_datasets(datasets: Declarations) -> None:
    """Check that filters and the polymorph rule name what their own dataset has."""
    for path, dataset in datasets.values():
        known, columns, keep = dataset["properties"], dataset["columns"], dataset["keep"]
        if not known and (dataset["missing_properties"] or dataset["read_from"]):  # nothing of it is ever read
            continue
        named = [(f"filters[{i}].property", f["property"]) for i, f in enumerate(dataset["filters"]) if "property" in f]
        named += [(f"keep.{key}", keep[key]) for key in ("property", "volume") if keep.get(key)]
        for key, name in named:
            if name not in known:
                raise ConfigError(
                    f"{path}: key '{key}': no property '{name}' in this dataset. "
                    f"Known: {', '.join(known) or 'none'}.{nearest(name, known)}"
                )
        _check_names(path, dataset)
        for name in columns.get("splits", []):
            if name in known or name in KEPT_COLUMNS:
                raise ConfigError(
                    f"{path}: key 'columns.splits': the name '{name}' is taken by "
                    f"{'a property' if name in known else 'a column that materials always have'}; rename the column in "
                    "the source, or the property."
                )
        _check_formula(path, columns)
        needing = [f"properties.{name}.computed" for name, spec in known.items() if "computed" in spec]
        if keep["rule"] == "structures" and not columns["structure_type"]:
            needing.append("keep.rule")
        if needing and not columns["structure"]:
            raise ConfigError(
                f"{path}: key '{needing[0]}': needs the structures of the entries. Name their column and format under "
                f"'columns.structure'{', or a column structure_type' if 'keep.rule' in needing[:1] else ''}."
            )


def _check_formula(path: str, columns: Mapping[str, Any]) -> None:
    """Check that formulas come from one column, from a column per element, or from structures."""
    formula, elements, balance = columns["formula"], columns["elements"], columns["balance"]
    if not (formula or elements or columns["structure"]):
        raise ConfigError(
            f"{path}: key 'columns.formula': name the column of the formulas, or those of the elements under "
            "'columns.elements', or that of the structures under 'columns.structure'."
        )
    if formula and elements:
        raise ConfigError(
            f"{path}: key 'columns.elements': the formulas have a column already; remove one of the keys."
        )
    if balance and (not elements or balance in elements):
        raise ConfigError(
            f"{path}: key 'columns.balance': it is the element among 'columns.elements' without a column."
        )
    if not (formula or elements) and columns["amounts"] != "atomic":
        raise ConfigError(f"{path}: key 'columns.amounts': the formulas of structures count atoms; remove the key.")
    for symbol in [*(elements or ()), *filter(None, [balance])]:
        if symbol not in SYMBOLS:
            key = "elements" if symbol != balance else "balance"
            hint = nearest(symbol, SYMBOLS)
            raise ConfigError(f"{path}: key 'columns.{key}': '{symbol}' is not the symbol of an element.{hint}")


def _check_names(path: str, dataset: Mapping[str, Any]) -> None:
    """Check that no property is called like a column of materials, and that filters name elements."""
    for name in dataset["properties"]:
        if name in RESERVED:
            raise ConfigError(f"{path}: key 'properties.{name}': materials have a column of that name; rename it.")
    for i, item in enumerate(dataset["filters"]):
        for symbol in item.get("allowed", ()):
            if symbol not in SYMBOLS:
                raise ConfigError(
                    f"{path}: key 'filters[{i}].allowed': '{symbol}' is not the symbol of an element."
                    f"{nearest(symbol, SYMBOLS)}"
                )


def check_read_from(datasets: Declarations) -> None:
    """Check that properties of other datasets are where they are read from, in the same unit."""
    for path, dataset in datasets.values():
        for name, about in dataset["read_from"].items():
            _check_read_from(datasets, about, f"{path}: key 'read_from.{name}")


def _check_read_from(datasets: Declarations, about: Mapping[str, Any], where: str) -> None:
    """Check that a property is where it is read from, in the same unit."""
    if about["dataset"] not in datasets:
        raise ConfigError(
            f"{where}.dataset': no file config/datasets/{about['dataset']}.yaml.{nearest(about['dataset'], datasets)}"
        )
    known = datasets[about["dataset"]][1]["properties"]
    if about["property"] not in known:
        raise ConfigError(
            f"{where}.property': dataset '{about['dataset']}' has no property '{about['property']}'. "
            f"Known: {', '.join(known)}.{nearest(about['property'], known)}"
        )
    unit = known[about["property"]]["unit"]
    if unit != about["unit"]:
        raise ConfigError(
            f"{where}': '{about['property']}' of dataset '{about['dataset']}' is in {unit}, this property in "
            f"{about['unit']}; only properties of one unit can stand in for each other."
        )


def check_models(models: Declarations, root: Path, others: Declarations | None = None) -> None:
    """Check what the schema cannot: that a network's keys fit each other and that estimators and models exist."""
    for path, model in models.values():
        if model["kind"] == "network":
            read_spec(model["spec"]).check(f"{path}: spec", root)
            check_order(model["spec"].get("by_training_size", ()), f"{path}: key 'spec.by_training_size'")
    estimators.check_models({**(others or {}), **models} if others else models)


def check_protocols(protocols: Declarations) -> None:
    """Check that shares are whole, that scaled parts are known and that what decides about stopping exists."""
    for path, protocol in protocols.values():
        declared = protocol.get("scaling", {})
        for part in {} if declared == "none" else declared:
            if part not in FEATURES:
                known = f"Known: {', '.join(FEATURES)}.{nearest(part, FEATURES)}"
                raise ConfigError(f"{path}: key 'scaling.{part}': no such part. {known}")
        split = protocol["split"]
        if split["scheme"] == "fractions":
            _check_shares(path, split)
        _check_hold_out(path, split)
        _check_ensemble(path, protocol)
        training = protocol.get("training")
        if not training:
            continue
        check_order(training.get("by_training_size", ()), f"{path}: key 'training.by_training_size'")
        stopping, reduction = (training[key] for key in ("early_stopping", "learning_rate_reduction"))
        if reduction and training["schedule"]:
            raise ConfigError(
                f"{path}: key 'training.schedule': both this and learning_rate_reduction set the learning rate. Set "
                "one of the two to null."
            )
        if split.get("validation") == 0:
            if stopping and stopping["monitor"] == "validation":
                raise ConfigError(
                    f"{path}: key 'training.early_stopping.monitor': found \"validation\", but the split has no "
                    f"validation set. Give `split.validation` a share, or set early_stopping to null."
                )
            if reduction and not stopping:
                raise ConfigError(
                    f"{path}: key 'training.learning_rate_reduction': nothing is monitored, since the split has no "
                    f"validation set. Give `split.validation` a share, or set learning_rate_reduction to null."
                )


def _check_shares(path: str, split: Mapping[str, Any]) -> None:
    """Check that the sets of random splits are the whole, and that several splits have members to share them."""
    total = split["train"] + split["validation"] + split["test"]
    if abs(total - 1) > 1e-9:  # noqa: PLR2004  rounding of decimal shares
        raise ConfigError(f"{path}: key 'split': the shares sum to {total:.10g}, not to 1.")
    if "splits" in split and split["split_per_member"]:
        raise ConfigError(
            f"{path}: key 'split.splits': under `split_per_member: true` every member has its own split. Set "
            "`split_per_member: false`, or remove the key."
        )


def check_pretraining(protocols: Declarations, datasets: Declarations, sources: Declarations | None = None) -> None:
    """Check that what pre-trained networks start from can be trained, and that nothing contradicts it."""
    sources = sources or protocols
    for path, protocol in protocols.values():
        if "pretraining" not in protocol:
            continue
        declared = protocol["pretraining"]
        for key in ("scaling", "target_scaling"):
            if protocol.get(key, "none") != "none":
                raise ConfigError(
                    f"{path}: key '{key}': a pre-trained network goes on with the {key} of its pre-training. Remove "
                    f"the key here; that of protocol '{declared['protocol']}' holds."
                )
        properties = datasets[declared["dataset"]][1]["properties"] if declared["dataset"] in datasets else {}
        for key, known in (("dataset", datasets), ("property", properties), ("protocol", sources)):
            if declared[key] not in known:
                of = f" in dataset '{declared['dataset']}'" if key == "property" else ""
                raise ConfigError(
                    f"{path}: key 'pretraining.{key}': no {key} '{declared[key]}'{of}. Known: {', '.join(known)}."
                    f"{nearest(declared[key], known)}"
                )
        _check_source(f"{path}: key 'pretraining.protocol'", declared["protocol"], sources[declared["protocol"]][1])


def _check_source(where: str, name: str, source: Mapping[str, Any]) -> None:
    """Check that a protocol can be that of a pre-training."""
    if "pretraining" in source:
        raise ConfigError(f"{where}: protocol '{name}' is pre-trained itself. Name one without the key 'pretraining'.")
    if source["split"]["scheme"] != "fractions":
        raise ConfigError(
            f"{where}: protocol '{name}' has the split scheme {source['split']['scheme']}. What the fine-tuned run is "
            "evaluated on is excluded first, so that only the scheme fractions can split the rest."
        )
    for key in ("train_rows", "hold_out"):
        if key in source["split"]:
            raise ConfigError(
                f"{where}: protocol '{name}' has the key 'split.{key}', which a pre-training does not know. Name a "
                "protocol without it; `max_materials` makes one smaller."
            )


def members_per_split(split: Mapping[str, Any]) -> int:
    """Return how many members in a row share a split and differ by their seed alone."""
    shared = split["members"] if split.get("split_per_member") is False else split.get("members_per_fold", 1)
    return int(shared)


def _check_hold_out(path: str, split: Mapping[str, Any]) -> None:
    """Check that an element that is held out exists and that its shares leave materials to test."""
    declared = split.get("hold_out")
    if not declared:
        return
    if declared["element"] not in SYMBOLS:
        raise ConfigError(
            f"{path}: key 'split.hold_out.element': '{declared['element']}' is not the symbol of an element."
            f"{nearest(declared['element'], SYMBOLS)}"
        )
    if declared["train_fraction"] + declared["test_fraction"] > 1 + 1e-9:
        raise ConfigError(
            f"{path}: key 'split.hold_out.train_fraction': {declared['train_fraction']:g} in the training "
            f"set and {declared['test_fraction']:g} tested are more than all materials with the element. "
            "Lower one of the two."
        )


def _check_ensemble(path: str, protocol: Mapping[str, Any]) -> None:
    """Check that what an ensemble requires can be computed: members of one split, and rows to calibrate on."""
    split = protocol["split"]
    for key, asked in (("ensemble", "ensemble" in protocol), ("uncertainty", protocol["uncertainty"])):
        if asked and members_per_split(split) == 1:
            raise ConfigError(
                f"{path}: key '{key}': needs several members of one split, and every member has its own. Give "
                "`split.members_per_fold`, or `split.members` with `split_per_member: false`."
            )
    if "ensemble" not in protocol and (protocol["uncertainty"] or protocol["report"] == "ensemble"):
        key = "uncertainty" if protocol["uncertainty"] else "report"
        raise ConfigError(f"{path}: key '{key}': needs the key 'ensemble', mean or median.")
    if protocol["uncertainty"] and split.get("validation") == 0:
        raise ConfigError(
            f"{path}: key 'uncertainty': intervals are calibrated on validation rows, and the split has none. Give "
            "`split.validation` a share."
        )
