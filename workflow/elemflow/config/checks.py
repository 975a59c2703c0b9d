"""What the JSON schemas cannot say: whether the keys of a declaration fit each other and the other declarations.

Every mistake is named by file and key, with what was found and what is allowed.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol as Interface

from elemflow.chemistry.composition import SYMBOLS
from elemflow.config import estimators
from elemflow.config.dataset import BorrowedProperty, Columns, Dataset, ElementsFilter, HasFilter, RangeFilter, Source
from elemflow.config.hostile import check_address, check_file_name
from elemflow.config.kinds import FEATURES
from elemflow.config.model import Model, NetworkModel, NetworkSearchModel
from elemflow.config.network_search import check_space
from elemflow.config.protocol import Protocol, Training
from elemflow.core.errors import ConfigError, nearest
from elemflow.networks.spec import ScalableSpec
from elemflow.splits.schemes.base import SplitScheme
from elemflow.splits.schemes.fractions import Fractions
from elemflow.splits.schemes.ordered import OrderedScheme

KEPT_COLUMNS = ("material_id", "entry_id", "formula", "composition", "n_entries", "structure_type", "structure")
RESERVED = (*KEPT_COLUMNS, "code")

MAX_TRAININGS = 1_000
"""Most trainings of a run."""


def check_datasets(datasets: Mapping[str, Dataset], files: Mapping[str, str]) -> None:
    """Check that properties of other datasets exist, and that filters and the polymorph rule name what there is.

    Args:
        datasets: Datasets by id.
        files: How messages call the file of each.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    for name, dataset in datasets.items():
        for key, about in dataset.read_from.items():
            _check_read_from(datasets, about, f"{files[name]}: key 'read_from.{key}")
    for name, dataset in datasets.items():
        if not dataset.has_nothing_here:
            _check_dataset(dataset, files[name])


def _check_dataset(dataset: Dataset, path: str) -> None:
    known, keep = dataset.properties, dataset.keep
    named = [(f"filters[{i}].property", getattr(each, "property", None)) for i, each in enumerate(dataset.filters)]
    named += [("keep.property", keep.property), ("keep.volume", keep.volume)]
    for key, name in named:
        if name and name not in known:
            raise ConfigError(
                f"{path}: key '{key}': no property '{name}' in this dataset. "
                f"Known: {', '.join(known) or 'none'}.{nearest(name, known)}"
            )
    _check_names(path, dataset)
    _check_places(path, dataset.source)
    _check_elements(path, dataset.source)
    _check_long(path, dataset)
    for name in dataset.columns.splits:
        if name in known or name in KEPT_COLUMNS:
            raise ConfigError(
                f"{path}: key 'columns.splits': the name '{name}' is taken by "
                f"{'a property' if name in known else 'a column that materials always have'}; rename the column in "
                "the source, or the property."
            )
    _check_formula(path, dataset.columns)
    _check_optional_structures(path, dataset)
    needing = [f"properties.{name}.computed" for name, spec in known.items() if spec.computed]
    if keep.rule == "structures" and not dataset.columns.structure_type:
        needing.append("keep.rule")
    if needing and not dataset.columns.structure:
        raise ConfigError(
            f"{path}: key '{needing[0]}': needs the structures of the entries. Name their column and format under "
            f"'columns.structure'{', or a column structure_type' if 'keep.rule' in needing[:1] else ''}."
        )


def _check_optional_structures(path: str, dataset: Dataset) -> None:
    """Check that entries can do without a structure where it is not required."""
    columns = dataset.columns
    if columns.structure is None or columns.structure.required:
        return
    reason = ""
    if not (columns.formula or columns.elements):
        reason = "the formulas are those of the structures"
    elif dataset.keep.rule == "structures" and not columns.structure_type:
        reason = "'keep: {rule: structures}' needs the space group of each"
    if reason:
        raise ConfigError(f"{path}: key 'columns.structure.required': found false, but {reason}. Remove the key.")


def _check_places(path: str, source: Source) -> None:
    """Check that no address of a source has credentials, and that its file has a name."""
    for key, value in source.options.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, str):
                check_address(each, f"{path}: key 'source.{key}'")
    for key in ("path", "url") if source.kind == "table" else ():
        if source.options.get(key):
            check_file_name(source.options[key], f"{path}: key 'source.{key}'")


def _check_long(path: str, dataset: Dataset) -> None:
    """Check that values of a long table, which stand in rows of their own, meet in one material."""
    if dataset.source.kind != "table" or not dataset.source.options.get("long"):
        return
    has = next((place for place, each in enumerate(dataset.filters) if isinstance(each, HasFilter)), None)
    if has is not None and len(dataset.properties) > 1:
        raise ConfigError(
            f"{path}: key 'filters[{has}]': found 'has', but with 'source.long' each row has one property, and the "
            "filter would drop the rows of all others. Remove it: runs leave out materials without a value of their "
            "property. Or give the table a column per property and remove 'source.long'."
        )
    if dataset.keep.rule != "median":
        raise ConfigError(
            f"{path}: key 'keep.rule': found '{dataset.keep.rule}', but with 'source.long' each row has one property, "
            "and a rule that chooses among rows would lose the others. Write 'keep: {rule: median}', or give the table "
            "a column per property and remove 'source.long'."
        )


def _check_elements(path: str, source: Source) -> None:
    """Check that a source that computes compounds is given elements."""
    sites = source.options.get("sites") if source.kind == "prototypes" else None
    named = {f"sites.{letter}": symbols for letter, symbols in (sites or {}).items()}
    if source.kind == "miedema":
        named["elements"] = source.options.get("elements", ())
    for key, symbols in named.items():
        for symbol in symbols:
            if symbol not in SYMBOLS:
                raise ConfigError(
                    f"{path}: key 'source.{key}': '{symbol}' is not the symbol of an element.{nearest(symbol, SYMBOLS)}"
                )


def _check_formula(path: str, columns: Columns) -> None:
    """Check that formulas come from one column, from a column per element, or from structures."""
    formula, elements, balance = columns.formula, columns.elements, columns.balance
    if not (formula or elements or columns.structure):
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
    if not (formula or elements) and columns.amounts != "atomic":
        raise ConfigError(f"{path}: key 'columns.amounts': the formulas of structures count atoms; remove the key.")
    for symbol in [*(elements or ()), *filter(None, [balance])]:
        if symbol not in SYMBOLS:
            key = "elements" if symbol != balance else "balance"
            hint = nearest(symbol, SYMBOLS)
            raise ConfigError(f"{path}: key 'columns.{key}': '{symbol}' is not the symbol of an element.{hint}")


def _check_range(where: str, item: RangeFilter) -> None:
    """Check that a range has room between its bounds."""
    if item.minimum is not None and item.maximum is not None and item.minimum > item.maximum:
        raise ConfigError(
            f"{where}: {item.minimum:g} is above the maximum, {item.maximum:g}, so that no material is left. Exchange "
            "the two."
        )


def _check_names(path: str, dataset: Dataset) -> None:
    """Check the names of properties, and the bounds and elements of filters."""
    for name in dataset.properties:
        if name in RESERVED:
            raise ConfigError(f"{path}: key 'properties.{name}': materials have a column of that name; rename it.")
    for i, item in enumerate(dataset.filters):
        if isinstance(item, RangeFilter):
            _check_range(f"{path}: key 'filters[{i}].minimum'", item)
        for symbol in item.allowed if isinstance(item, ElementsFilter) else ():
            if symbol not in SYMBOLS:
                raise ConfigError(
                    f"{path}: key 'filters[{i}].allowed': '{symbol}' is not the symbol of an element."
                    f"{nearest(symbol, SYMBOLS)}"
                )


def _check_read_from(datasets: Mapping[str, Dataset], about: BorrowedProperty, where: str) -> None:
    """Check that a property is where it is read from, in the same unit."""
    if about.dataset not in datasets:
        raise ConfigError(
            f"{where}.dataset': no file config/datasets/{about.dataset}.yaml.{nearest(about.dataset, datasets)}"
        )
    known = datasets[about.dataset].properties
    if about.property not in known:
        raise ConfigError(
            f"{where}.property': dataset '{about.dataset}' has no property '{about.property}'. "
            f"Known: {', '.join(known)}.{nearest(about.property, known)}"
        )
    unit = known[about.property].unit
    if unit != about.unit:
        raise ConfigError(
            f"{where}': '{about.property}' of dataset '{about.dataset}' is in {unit}, this property in "
            f"{about.unit}; only properties of one unit can stand in for each other."
        )


class SizeDependent(Interface):
    """An entry of `by_training_size`."""

    @property
    def above(self) -> int:
        """Number of training rows."""


def check_order(entries: Sequence[SizeDependent], where: str) -> None:
    """Check that later entries of `by_training_size` hold for more rows.

    Raises:
        ConfigError: Two entries stand in the wrong order.
    """
    bounds = [entry.above for entry in entries]
    if any(later <= earlier for earlier, later in pairwise(bounds)):
        found = ", ".join(map(str, bounds))
        raise ConfigError(f"{where}: found `above` {found}. Each must be larger than the one before.")


def check_model(model: Model, where: str, others: Mapping[str, Model], root: Path) -> None:
    """Check that a network's keys fit each other and that estimators and models exist.

    Args:
        model: The model.
        where: How messages call its file.
        others: All models, by id.
        root: Folder of the project.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    if not isinstance(model, NetworkModel):
        estimators.check_model(model, where, others)
        return
    model.spec.check(f"{where}: spec", root)
    if isinstance(model, NetworkSearchModel):
        check_space(model, where, root)
    if isinstance(model.spec, ScalableSpec):
        check_order(model.spec.by_training_size, f"{where}: key 'spec.by_training_size'")


def check_protocol(protocol: Protocol, path: str) -> None:
    """Check that shares are whole, that scaled parts are known and that what decides about stopping exists.

    Args:
        protocol: The protocol.
        path: How messages call its file.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    for part in () if protocol.scaling == "none" else protocol.scaling:
        if part not in FEATURES:
            known = f"Known: {', '.join(FEATURES)}.{nearest(part, FEATURES)}"
            raise ConfigError(f"{path}: key 'scaling.{part}': no such part. {known}")
    if protocol.split.n_trainings > MAX_TRAININGS:
        raise ConfigError(
            f"{path}: key 'split': {protocol.split.n_trainings:,} trainings in one run, as its folds, repeats and "
            f"members multiply; at most {MAX_TRAININGS:,} are allowed, since all are kept until the run is evaluated."
        )
    if isinstance(protocol.split, Fractions):
        _check_shares(path, protocol.split)
    if isinstance(protocol.split, OrderedScheme):
        _check_ends(path, protocol.split)
    _check_hold_out(path, protocol.split)
    _check_ensemble(path, protocol)
    if protocol.training:
        check_order(protocol.training.by_training_size, f"{path}: key 'training.by_training_size'")
        _check_monitored(path, protocol.training, protocol.split)


def _check_monitored(path: str, training: Training, split: SplitScheme) -> None:
    """Check that what decides about stopping and the learning rate exists."""
    stopping, reduction = training.early_stopping, training.learning_rate_reduction
    if reduction and training.schedule:
        raise ConfigError(
            f"{path}: key 'training.schedule': both this and learning_rate_reduction set the learning rate. Set "
            "one of the two to null."
        )
    if training.record_test and (stopping is None or stopping.monitor != "validation"):
        raise ConfigError(
            f"{path}: key 'training.record_test': the error on the test set is recorded next to that on a validation "
            "set that stops the training. Set `training.early_stopping.monitor: validation`, or remove the key."
        )
    if split.has_validation:
        return
    if stopping and stopping.monitor == "validation":
        raise ConfigError(
            f"{path}: key 'training.early_stopping.monitor': found \"validation\", but the split has no "
            f"validation set. Give `split.validation` a share, or set early_stopping to null."
        )
    if reduction and not stopping:
        raise ConfigError(
            f"{path}: key 'training.learning_rate_reduction': nothing is monitored, since the split has no "
            f"validation set. Give `split.validation` a share, or set learning_rate_reduction to null."
        )


def _check_shares(path: str, split: Fractions) -> None:
    """Check that the sets of random splits are the whole, and that several splits have members to share them."""
    total = sum(split.shares)
    if abs(total - 1) > 1e-9:  # noqa: PLR2004  rounding of decimal shares
        raise ConfigError(f"{path}: key 'split': the shares sum to {total:.10g}, not to 1.")
    if split.repeats is not None and split.split_per_member:
        raise ConfigError(
            f"{path}: key 'split.splits': under `split_per_member: true` every member has its own split. Set "
            "`split_per_member: false`, or remove the key."
        )


def _check_ends(path: str, split: OrderedScheme) -> None:
    """Check that the tested end of an order and the part before it leave a training set."""
    if split.validation + split.test > 1 - 1e-9:
        raise ConfigError(
            f"{path}: key 'split.validation': {split.validation:g} in the validation set and {split.test:g} tested "
            "leave no training set. Their sum must be below 1; lower one of the two."
        )


def _check_hold_out(path: str, split: SplitScheme) -> None:
    """Check that an element can be held out, that it exists and that its shares leave materials to test."""
    declared = split.reductions.hold_out
    if not declared:
        return
    if not split.holds_out:
        raise ConfigError(
            f"{path}: key 'split.hold_out': the scheme {split.name} keeps from training what is related to the test "
            "set, and a share of the element's materials would return. Remove the key, or use the scheme fractions, "
            "k_fold or k_fold_validation."
        )
    if declared.element not in SYMBOLS:
        raise ConfigError(
            f"{path}: key 'split.hold_out.element': '{declared.element}' is not the symbol of an element."
            f"{nearest(declared.element, SYMBOLS)}"
        )
    if declared.train_fraction + declared.test_fraction > 1 + 1e-9:
        raise ConfigError(
            f"{path}: key 'split.hold_out.train_fraction': {declared.train_fraction:g} in the training "
            f"set and {declared.test_fraction:g} tested are more than all materials with the element. "
            "Lower one of the two."
        )


def _check_ensemble(path: str, protocol: Protocol) -> None:
    """Check that what an ensemble requires can be computed: members of one split, and rows to calibrate on."""
    for key, requested in (("ensemble", protocol.ensemble), ("uncertainty", protocol.uncertainty)):
        if requested and protocol.split.members_per_split == 1:
            raise ConfigError(
                f"{path}: key '{key}': needs several members of one split, and every member has its own. Give "
                "`split.members_per_fold`, or `split.members` with `split_per_member: false`."
            )
    if not protocol.ensemble and (protocol.uncertainty or protocol.report == "ensemble"):
        key = "uncertainty" if protocol.uncertainty else "report"
        raise ConfigError(f"{path}: key '{key}': needs the key 'ensemble', mean or median.")
    if protocol.uncertainty and not protocol.split.has_validation:
        raise ConfigError(
            f"{path}: key 'uncertainty': intervals are calibrated on validation rows, and the split has none. Give "
            "`split.validation` a share."
        )


def check_pretraining(
    protocol: Protocol, path: str, datasets: Mapping[str, Dataset], sources: Mapping[str, Protocol]
) -> None:
    """Check that what pre-trained networks start from can be trained, and that nothing contradicts it.

    Args:
        protocol: The protocol.
        path: How messages call its file.
        datasets: Datasets by id.
        sources: Protocols that a pre-training can have, by id.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    declared = protocol.pretraining
    if declared is None:
        return
    for key, own in (("scaling", protocol.scaling not in ("none", {})), ("target_scaling", protocol.target_scaling)):
        if own:
            raise ConfigError(
                f"{path}: key '{key}': a pre-trained network goes on with the {key} of its pre-training. Remove "
                f"the key here; that of protocol '{declared.protocol}' holds."
            )
    properties = datasets[declared.dataset].properties if declared.dataset in datasets else {}
    named = (("dataset", declared.dataset, datasets), ("property", declared.property, properties))
    for key, name, known in (*named, ("protocol", declared.protocol, sources)):
        if name not in known:
            of = f" in dataset '{declared.dataset}'" if key == "property" else ""
            raise ConfigError(
                f"{path}: key 'pretraining.{key}': no {key} '{name}'{of}. Known: {', '.join(known)}."
                f"{nearest(name, known)}"
            )
    _check_source(f"{path}: key 'pretraining.protocol'", declared.protocol, sources[declared.protocol])


def check_nested(protocol: Protocol, path: str, protocols: Mapping[str, Protocol]) -> None:
    """Check that the nested run of a protocol leaves out pairs of its own folds.

    Args:
        protocol: The protocol.
        path: How messages call its file.
        protocols: Protocols by id.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    name, own = protocol.nested, protocol.split
    if name is None:
        return
    if name not in protocols:
        raise ConfigError(
            f"{path}: key 'nested': no protocol '{name}'. Known: {', '.join(protocols)}.{nearest(name, protocols)}"
        )
    split = protocols[name].split
    if own.reductions.hold_out:
        raise ConfigError(
            f"{path}: key 'split.hold_out': the nested runs of protocol '{name}' would be trained on tested materials "
            "with the element. Remove this key, or the key 'nested'."
        )
    pairs = {"scheme": "k_fold_pairs"} | {key: getattr(own, key, None) for key in ("folds", "seed", "max_materials")}
    found = {key: getattr(split, key, None) for key in pairs}
    if own.name != "k_fold" or found != pairs:
        raise ConfigError(
            f"{path}: key 'nested': protocol '{name}' has the split {found}, and this one the scheme {own.name}. "
            f"Allowed: a "
            f"protocol with {pairs} for one with the scheme k_fold."
        )


def _check_source(where: str, name: str, source: Protocol) -> None:
    """Check that a protocol can be that of a pre-training."""
    if source.pretraining:
        raise ConfigError(f"{where}: protocol '{name}' is pre-trained itself. Name one without the key 'pretraining'.")
    if not isinstance(source.split, Fractions):
        raise ConfigError(
            f"{where}: protocol '{name}' has the split scheme {source.split.name}. What the fine-tuned run is "
            "evaluated on is excluded first, so that only the scheme fractions can split the rest."
        )
    for key in ("train_rows", "hold_out"):
        if getattr(source.split.reductions, key) is not None:
            raise ConfigError(
                f"{where}: protocol '{name}' has the key 'split.{key}', which a pre-training does not know. Name a "
                "protocol without it; `max_materials` makes one smaller."
            )
