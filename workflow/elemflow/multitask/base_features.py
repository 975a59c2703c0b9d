"""Part `base`: predictions and trunk of the base that ships, for any model.

The SHA-256 of the base is part of this code, so other weights make other feature files.
"""

from elemflow.multitask.trunk import Trunk

PART = "base"
SCALING = "unit_rows"
FILE = "resources/models/elemflow_base.elemflow"
SHA256 = "31beaa78d2628f4013ac2f85b3b1f16b63a2afc3c112e04d998929eb6994842f"
TRUNK = Trunk(FILE, SHA256)
LABELS = TRUNK.labels
UNITS = ("1",) * len(LABELS)
VERSION = SHA256
CITATIONS = TRUNK.citations
featurize = TRUNK.featurize
