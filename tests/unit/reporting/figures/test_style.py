"""What labels may hold, and what logarithmic scales show."""

import pytest

from elemflow.reporting.figures import style

plt = style.plt


@pytest.mark.parametrize("label", ["costs $5, not $6", r"$\frac$", r"$x^{2$", "a_b^c $"])
def test_a_dollar_in_a_label_is_a_dollar(tmp_path, label):
    style.apply_style()
    figure, axis = plt.subplots()
    axis.bar([label, "b"], [1, 1000], label=label)
    axis.set(title=label, ylabel=label, yscale="log")
    axis.legend()
    style.save_figure(figure, tmp_path / "a.svg", tmp_path / "a.png")
    assert label in (tmp_path / "a.svg").read_text()


def test_powers_of_a_logarithmic_scale_are_formulas(tmp_path):
    style.apply_style()
    figure, axis = plt.subplots()
    axis.plot([1, 1e6], [1, 1e6])
    axis.set(xscale="log", yscale="log")
    style.save_figure(figure, tmp_path / "a.svg", tmp_path / "a.png")
    assert all(label.get_parse_math() for label in (*axis.get_xticklabels(), *axis.get_yticklabels()))
    assert not axis.title.get_parse_math()
