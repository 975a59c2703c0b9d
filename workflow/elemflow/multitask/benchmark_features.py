"""Part `base_benchmark`: as `base`, from a network that has seen no composition of the measured sets.

The SHA-256 of the base is part of this code, so other weights make other feature files.
"""

from elemflow.multitask.trunk import Trunk

PART = "base_benchmark"
SCALING = "unit_rows"
FILE = "resources/models/elemflow_benchmark.elemflow"
SHA256 = "a8fd08d80980f3c036696f6d58410db2e9258c9eea1ba249abd6d4468066cd19"
TRUNK = Trunk(FILE, SHA256)
LABELS = TRUNK.labels
UNITS = ("1",) * len(LABELS)
VERSION = SHA256
CITATIONS = TRUNK.citations
featurize = TRUNK.featurize
