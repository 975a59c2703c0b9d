"""Bases: inputs, parameters and code digests of the rules that train and write pre-trained multi-task networks."""

from functools import cache

from elemflow.config.base import Base
from elemflow.config.kinds import FEATURES, parts_of
from elemflow.core.declared import Parameters
from elemflow.plan import paths
from elemflow.plan.reruns import Product
from elemflow.plan.stages.base import Context, Stage, Wildcards, compared
from elemflow.plan.stages.curation import Curation
from elemflow.plan.stages.splits import Splits

JOIN_MB, ROW_MB = 4000, 12000
"""Memory of the rules for 400,000 compositions."""


class BaseWildcards(Wildcards):
    """What the rules read of the wildcards of a job."""

    base: str
    number: str


class Bases(Stage):
    """Curated materials of several datasets to one file with networks for all of their properties."""

    def __init__(self, context: Context, curation: Curation, splits: Splits):
        super().__init__(context)
        self._curation, self._splits = curation, splits

    def _base(self, wildcards: BaseWildcards) -> Base:
        return self.settings.bases[wildcards.base]

    @cache  # noqa: B019  one object per process
    def joint_product(self, base: str) -> Product:
        """Return the joint table of a base."""
        record = paths.BASE_JOINT_RECORD.format(base=base)
        declared = self.settings.bases[base]
        return Product(
            record, declared.joint_parameters, lambda: [*self._materials(declared), *self._tested_splits(declared)]
        )

    @cache  # noqa: B019  one object per process
    def features_product(self, base: str, part: str) -> Product:
        """Return a feature file of the joint table."""
        record = paths.BASE_FEATURES_RECORD.format(base=base, part=part)
        return Product(record, lambda: {"part": part}, lambda: [self._joint(base)])

    @cache  # noqa: B019  one object per process
    def network_product(self, base: str, number: str) -> Product:
        """Return a trained network."""
        record = paths.BASE_NETWORK_RECORD.format(base=base, number=number)
        return Product(
            record, lambda: self._network_cfg(base, number), lambda: [*self._rows(base), *self._first(base, number)]
        )

    @cache  # noqa: B019  one object per process
    def file_product(self, base: str) -> Product:
        """Return the file that predicts."""
        record = paths.BASE_FILE_RECORD.format(base=base)
        return Product(record, lambda: self._file_cfg(base), lambda: [*self._rows(base), *self._networks(base)])

    def file(self, base: str) -> tuple[str, Product]:
        """Return the file of a base that predicts, and the product it belongs to."""
        return paths.BASE_FILE.format(base=base), self.file_product(base)

    def _materials(self, declared: Base) -> list[tuple[str, Product]]:
        return [self._curation.materials(dataset) for dataset in declared.datasets]

    def _tested_splits(self, declared: Base) -> list[tuple[str, Product]]:
        return [self._splits.split(each.dataset, each.property, each.protocol) for each in declared.tested]

    def _joint(self, base: str) -> tuple[str, Product]:
        return paths.BASE_JOINT.format(base=base), self.joint_product(base)

    def _rows(self, base: str) -> list[tuple[str, Product]]:
        declared = self.settings.bases[base]
        table = declared.start_from or base  # a base that continues from another has its table
        features = [
            (paths.BASE_FEATURES.format(base=table, part=part), self.features_product(table, part))
            for part in parts_of(declared.representation)
        ]
        return [self._joint(table), *features]

    def _first(self, base: str, number: str) -> list[tuple[str, Product]]:
        first = self.settings.bases[base].start_from
        if first is None:
            return []
        return [(paths.BASE_NETWORK.format(base=first, number=number), self.network_product(first, number))]

    def _networks(self, base: str) -> list[tuple[str, Product]]:
        numbers = map(str, range(self.settings.bases[base].members))
        return [(paths.BASE_NETWORK.format(base=base, number=n), self.network_product(base, n)) for n in numbers]

    def materials(self, wildcards: BaseWildcards) -> list[str]:
        """Return the materials of all datasets that a base reads."""
        return compared(self.joint_product(wildcards.base), self._materials(self._base(wildcards)))

    def splits(self, wildcards: BaseWildcards) -> list[str]:
        """Return the splits of the runs whose evaluated compositions a base must not see."""
        return compared(self.joint_product(wildcards.base), self._tested_splits(self._base(wildcards)))

    def joint(self, wildcards: BaseWildcards) -> str:
        """Return the joint table that a part is computed of."""
        product = self.features_product(wildcards.base, wildcards.part)
        return compared(product, product.inputs())[0]

    def network_rows(self, wildcards: BaseWildcards) -> list[str]:
        """Return the joint table and its feature files, for the training."""
        return compared(self.network_product(wildcards.base, wildcards.number), self._rows(wildcards.base))

    def network_first(self, wildcards: BaseWildcards) -> list[str]:
        """Return the network that one continues from, if the base continues from another."""
        product = self.network_product(wildcards.base, wildcards.number)
        return compared(product, self._first(wildcards.base, wildcards.number))

    def file_rows(self, wildcards: BaseWildcards) -> list[str]:
        """Return the joint table and its feature files, for the evaluation."""
        return compared(self.file_product(wildcards.base), self._rows(wildcards.base))

    def file_networks(self, wildcards: BaseWildcards) -> list[str]:
        """Return the trained networks of a base."""
        return compared(self.file_product(wildcards.base), self._networks(wildcards.base))

    def joint_cfg(self, wildcards: BaseWildcards) -> Parameters:
        """Return what a joint table depends on."""
        return self._base(wildcards).joint_parameters()

    def join_datasets(self, wildcards: BaseWildcards) -> list[str]:
        """Return the datasets of a base, in the order of `materials`."""
        return list(self._base(wildcards).datasets)

    def features_cfg(self, wildcards: BaseWildcards) -> Parameters:
        """Return the part that is computed."""
        return {"part": wildcards.part}

    def features_code(self, wildcards: BaseWildcards) -> str:
        """Return the digest of the code that computes one part of a representation."""
        return self.context.digest("featurize_base.py", (FEATURES[wildcards.part],))

    def network_cfg(self, wildcards: BaseWildcards) -> Parameters:
        """Return what a network depends on."""
        return self._network_cfg(wildcards.base, wildcards.number)

    def _network_cfg(self, base: str, number: str) -> Parameters:
        return {"base": self.settings.bases[base].training_parameters(), "number": int(number)}

    def file_cfg(self, wildcards: BaseWildcards) -> Parameters:
        """Return what the file of a base depends on: the whole declaration, and what its card says of the datasets."""
        return self._file_cfg(wildcards.base)

    def _file_cfg(self, base: str) -> Parameters:
        declared = self.settings.bases[base]
        datasets = {name: self.settings.datasets[name] for name in declared.datasets}
        return {
            "base": base,
            "declared": declared.written,
            "texts": {name: dataset.texts() for name, dataset in datasets.items()},
            "properties": {
                head: datasets[each.dataset].property_parameters(each.property) for head, each in declared.heads.items()
            },
        }
