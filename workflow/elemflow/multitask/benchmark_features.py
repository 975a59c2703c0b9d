"""Part `base_benchmark`: as `base`, from a network that has seen no composition of the measured sets.

The SHA-256 of the base is part of this code, so other weights make other feature files.
"""

from elemflow.multitask.trunk import Trunk

PART = "base_benchmark"
SCALING = "unit_rows"
FILE = "resources/models/elemflow_benchmark.elemflow"
SHA256 = "78a2aca0487122305fca03023ce0f04dfa65e9ce6e10e42ced8f08169ef3f5bd"
TRUNK = Trunk(FILE, SHA256)
LABELS = TRUNK.labels
UNITS = ("1",) * len(LABELS)
VERSION = SHA256
CITATIONS = TRUNK.citations
featurize = TRUNK.featurize
