"""A small network of each family."""

from typing import Any

NORMALISED = {"activation": {"name": "relu"}, "batch_norm": {"momentum": 0.9, "epsilon": 0.001}}
TINY: dict[str, dict[str, Any]] = {
    "dense": {
        "family": "dense",
        "stacks": [{"width": 8, "layers": 3, "branches": [2, 1]}, {"width": 4, "layers": 2}],
        "order": ["dense", "batch_norm", "activation"],
        "shortcut": "layer",
    }
    | NORMALISED,
    "concatenated": {"family": "concatenated", "widths": [8, 4]} | NORMALISED,
    "merge_and_run": {"family": "merge_and_run", "widths": [8, 4]} | NORMALISED,
    "unet": {"family": "unet", "widths": [8, 4]} | NORMALISED,
    "convolutional": {
        "family": "convolutional",
        "filters": [4, 2],
        "kernel_size": 3,
        "widths": [8],
        "activation": {"name": "relu"},
    },
    "recurrent": {"family": "recurrent", "max_elements": 4, "lstm_width": 5, "highway_layers": 2, "gate_bias": -1.0},
}
