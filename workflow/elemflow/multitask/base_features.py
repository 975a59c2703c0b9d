"""Part `base`: predictions and trunk of the base that ships, for any model.

The SHA-256 of the base is part of this code, so other weights make other feature files.
"""

from elemflow.multitask.trunk import Trunk

PART = "base"
SCALING = "unit_rows"
FILE = "resources/models/elemflow_base.elemflow"
SHA256 = "b6f1964a8794954b22bf2c34a785c1ab69c4c2ce2337f7e2c95fa51fc0d03131"
TRUNK = Trunk(FILE, SHA256)
LABELS = TRUNK.labels
UNITS = ("1",) * len(LABELS)
VERSION = SHA256
CITATIONS = TRUNK.citations
featurize = TRUNK.featurize
