"""Draw the learning curves that bench_base.py wrote: a panel per set, error against training rows, mean of the draws.

python benchmarks/plot_base.py learning_curves.csv [more.csv ...] --out curves.svg
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "elemflow"
from matplotlib import pyplot as plt  # noqa: E402

TITLES = {
    "kefe": "Measured formation enthalpy [eV/atom]", "kebg": "Measured band gap [eV]",
    "aflow_kappa": "Thermal conductivity, AFLOW [log10 W/(m K)]", "aflow_debye": "Debye temperature, AFLOW [K]",
    "jarvis_tc": "Critical temperature, JARVIS [K]", "alloys": "Measured enthalpy of alloys [eV/atom]",
}  # fmt: skip
LABELS = {
    "base": ("base, fine-tuned", "C0", "o"), "trees_base": ("extra trees on the base", "C1", "s"),
    "trees": ("extra trees", "C2", "^"),
    "scratch": ("network from scratch", "C3", "v"), "constant": ("median", "0.6", ""),
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--base", default="elemflow_base", help="of several bases, the one that is drawn")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    lines = pd.concat([pd.read_csv(path, keep_default_na=False) for path in given.tables])
    lines = lines[lines["base"].isin(["", given.base])]
    names = [name for name in TITLES if name in set(lines["set"])]
    columns = min(len(names), 2)  # so that the text is as large as that of the page
    lines_of_panels = -(-len(names) // columns)
    figure, axes = plt.subplots(
        lines_of_panels, columns, figsize=(4 * columns, 3 * lines_of_panels + 0.6), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(names) :]:
        axis.remove()
    for axis, name in zip(axes.flat, names, strict=False):
        for method, (label, colour, marker) in LABELS.items():
            points = lines[(lines["set"] == name) & (lines["method"] == method)].groupby("rows")["mae"]
            mean, low, high = points.mean(), points.min(), points.max()
            if len(mean):
                bars = [mean - low, high - mean]
                axis.errorbar(mean.index, mean, bars, color=colour, marker=marker, label=label, capsize=2)
        axis.set(xscale="log", title=TITLES[name], xlabel="training rows", ylim=(0, None))
        axis.title.set_size(10)
        axis.spines[["top", "right"]].set_visible(False)
        sizes = sorted(set(lines.loc[lines["set"] == name, "rows"]))
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axis.minorticks_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("mean absolute error")
    handles = axes[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.savefig(given.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
