"""The roles of materials in a train/validation/test split."""

from enum import StrEnum


class Role(StrEnum):
    """Role of a material for one ensemble member; the order is that of the codes in split files."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


ROLES = tuple(Role)
EVALUATION_ROLES = (Role.VALIDATION, Role.TEST)
"""Roles whose compositions must not be seen in pre-training: errors and early stopping depend on them."""
