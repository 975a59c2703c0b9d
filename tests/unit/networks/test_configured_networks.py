"""Every network of config/models against the parameters that the papers print or settle."""

from pathlib import Path

import numpy as np
import pytest
from factories.toy import build

from elemflow.config.load import load
from elemflow.config.model import Model

pytestmark = pytest.mark.usefixtures("backend")

INPUTS = (86, 145, 271, 357)
# Trainable and total parameters for 86, 145, 271 and 357 inputs.
PUBLISHED = {
    "bnet": [(3_670_849,) * 2, (3_791_681,) * 2, (4_049_729,) * 2, (4_225_857,) * 2],
    "brnet": [(4_548_385,) * 2, (4_790_049,) * 2, (5_306_145,) * 2, (5_658_401,) * 2],
    "elemnet": [(4_631_361,) * 2, (4_691_777,) * 2, (4_820_801,) * 2, (4_908_865,) * 2],
    "elemnet_keras": [(4_631_361,) * 2, (4_691_777,) * 2, (4_820_801,) * 2, (4_908_865,) * 2],
    "plain10": [(2_174_145, 2_181_761), (2_234_561, 2_242_177), (2_363_585, 2_371_201), (2_451_649, 2_459_265)],
    "plain17": [(4_645_249, 4_659_137), (4_705_665, 4_719_553), (4_834_689, 4_848_577), (4_922_753, 4_936_641)],
    "plain24": [(4_998_257, 5_014_193), (5_058_673, 5_074_609), (5_187_697, 5_203_633), (5_275_761, 5_291_697)],
    "plain48": [
        (10_615_841, 10_647_937), (10_676_257, 10_708_353), (10_805_281, 10_837_377), (10_893_345, 10_925_441)
    ],
    "irnet10": [(2_962_593, 2_970_209), (3_083_425, 3_091_041), (3_341_473, 3_349_089), (3_517_601, 3_525_217)],
    "irnet17": [(5_433_697, 5_447_585), (5_554_529, 5_568_417), (5_812_577, 5_826_465), (5_988_705, 6_002_593)],
    "irnet24": [(5_787_233, 5_803_169), (5_908_065, 5_924_001), (6_166_113, 6_182_049), (6_342_241, 6_358_177)],
    "irnet48": [
        (11_404_817, 11_436_913), (11_525_649, 11_557_745), (11_783_697, 11_815_793), (11_959_825, 11_991_921)
    ],
}  # fmt: skip
PUBLISHED |= {f"srnet{depth}": PUBLISHED[f"irnet{depth}"] for depth in (17, 24, 48)}
TABLE_6 = {  # brnet2023, 86 inputs: BRNet as printed, BNet with the same branches
    "1024x3-1": (4_548_385, 3_670_849),
    "1024x2-1-1": (3_676_961, 2_710_337),
    "1024x1-1-1-1": (2_805_537, 1_749_825),
    "512x2-1": (6_206_753, 4_893_505),
    "512x1-1-1": (6_993_697, 5_155_649),
    "256x2-1": (5_616_673, 4_696_897),
    "256x1-1-1": (5_813_537, 4_762_433),
    "128x2-1": (5_469_089, 4_647_745),
    "128x1-1-1": (5_518_369, 4_664_129),
    "64x1-1": (5_432_161, 4_635_457),
}
WITH_86_INPUTS = {
    **{f"brnet@branches={layout}": (count, count) for layout, (count, _) in TABLE_6.items()},
    **{f"bnet@branches={layout}": (count, count) for layout, (_, count) in TABLE_6.items()},
    "brnet_damped": (352_201, 352_201),
    "brnet@width_factor=0.25": (352_201, 352_201),
    "brnet_recommended": (352_201, 352_201),
    "brnet_damped@width_factor=0.5": (1_227_665, 1_227_665),
    "brnet_damped@width_factor=1": (4_548_385, 4_548_385),
    "plain17_relu_first": (4_645_249, 4_659_137),
    "plain17_dropout": (4_645_249, 4_659_137),
    "dnn3": (614_401, 614_401),
    "dnn6": (786_433, 786_433),
    "dnn10": (2_166_529, 2_166_529),
    "dnn17": (3_582_817, 3_582_817),
    "dnn21": (4_900_289, 4_900_289),
    "irnet_concatenated": (8_569_281, 8_583_169),
    "fcmnr": (7_093_505, 7_109_377),
    "fcunet": (5_687_169, 5_702_785),
    "cnn": (3_398_849, 3_398_849),
    "rnn": (2_978_201, 2_978_201),
}
EXPECTED = {name: dict(zip(INPUTS, counts, strict=True)) for name, counts in PUBLISHED.items()}
EXPECTED |= {name: {86: counts} for name, counts in WITH_86_INPUTS.items()}


@pytest.fixture(scope="module")
def models(root: Path) -> dict[str, Model]:
    return load({"studies": ["demo"]}, root).models


@pytest.mark.parametrize("name", EXPECTED)
def test_parameters(models: dict[str, Model], root: Path, name: str) -> None:
    import keras

    for n_inputs, expected in EXPECTED[name].items():
        with keras.StatelessScope(initialize_variables=False):  # shapes alone; drawing the kernels would take a minute
            model = build(models[name].spec, n_inputs, seed=1)
        trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        assert (model.input_shape, model.output_shape) == ((None, n_inputs), (None, 1))
        assert (trainable, model.count_params()) == expected
    if "@" in name:
        return
    text = (root / "config" / "models" / f"{name}.yaml").read_text(encoding="utf-8")
    assert f"{EXPECTED[name][86][0]:,}" in text or " parameters" not in text


def test_every_configured_network_is_tested(models: dict[str, Model]) -> None:
    assert {name for name, model in models.items() if model.kind == "network"} == {
        name for name in EXPECTED if "@" not in name
    }


def test_documented_parameters(root: Path) -> None:
    text = (root / "docs" / "reference" / "models.md").read_text(encoding="utf-8")
    for name in (name for name in EXPECTED if "branches" not in name):
        for number in EXPECTED[name][86]:
            assert f"{number:,}" in text, name


def test_the_longest_path_of_srnet_48_has_a_shortcut_per_four_layers(models: dict[str, Model]) -> None:
    assert [stack.layers for stack in models["srnet48"].spec.stacks] == [4] * 11 + [3]


@pytest.mark.parametrize("name", ["brnet_damped", "cnn", "rnn", "fcmnr", "fcunet", "irnet_concatenated", "elemnet"])
def test_a_copy_with_equal_weights_is_the_same_network(models: dict[str, Model], name: str) -> None:
    """Members of a run take turns in one copy of their network; see `elemflow.training.tensorflow_engine`."""
    import keras

    model = build(models[name].spec, 86, seed=3)
    copied = keras.models.clone_model(model)
    for own, its in zip(copied.variables, model.variables, strict=True):
        own.assign(its)
    x = np.zeros((4, 86), np.float32)
    x[np.arange(4), [3, 7, 20, 51]], x[:, 60] = 0.25, 0.75
    for training in (False, True):  # with the same masks of dropout too
        found, expected = (np.array(each(x, training=training)) for each in (copied, model))
        assert found.tobytes() == expected.tobytes()
