"""Part `base`: predictions and trunk of the base that ships, for any model.

The SHA-256 of the base is part of this code, so other weights make other feature files.
"""

from elemflow.multitask.trunk import Trunk

PART = "base"
SCALING = "unit_rows"
FILE = "resources/models/elemflow_base.elemflow"
SHA256 = "3465cdcbc2fe923d668ae121bac5303549d60254f7963a609786dc974614569f"
TRUNK = Trunk(FILE, SHA256)
LABELS = TRUNK.labels
UNITS = ("1",) * len(LABELS)
VERSION = SHA256
CITATIONS = TRUNK.citations
featurize = TRUNK.featurize
