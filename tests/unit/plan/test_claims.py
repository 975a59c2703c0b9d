"""Claims: each kind in each verdict, what the papers' own numbers say, and the pages."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest
from factories.reporting import make_cell, make_table, name_run, place, planned, write_run
from hypothesis import given
from hypothesis import strategies as st

from elemflow.config.load import load
from elemflow.config.study import Claim
from elemflow.config.yaml_schema import read_yaml
from elemflow.core.errors import ConfigError, DataError
from elemflow.core.run import Run
from elemflow.plan import claims
from elemflow.plan.build import build
from elemflow.plan.claim_kinds.base import Inequality, Line
from elemflow.plan.claim_kinds.registry import claim_kinds
from elemflow.plan.claims import PlannedClaims
from elemflow.plan.published import read_published, read_published_quantities
from elemflow.reporting.claims_evaluated import evaluate_published as evaluate_on_page
from elemflow.reporting.claims_page import write_claims, write_claims_index
from elemflow.reporting.claims_view import view_claims
from elemflow.reporting.paired import MATERIALS, SPLITS, PairedInterval
from elemflow.reporting.results import read_score
from elemflow.reporting.tables.kinds.errors import BUILDER

PAPERS = ("brnet2023", "irnet2021", "irnet2019", "tatis2021", "huang2020")
LOWER = {"kind": "lower", "tables": ["table5"], "a": {"model": "brnet"}, "b": {"model": ["bnet", "automl"]}}
DEFAULTS = {"text": "It is so.", "source": "p. 1", "note": "", "where": {}, "printed": True, "level": 0.05}


def claim_of(**keys):
    return DEFAULTS | keys


def view(cfg, files):
    csv = {name: file["csv"] for name, file in files.items()}
    return view_claims(PlannedClaims.model_validate(cfg), csv, {}, linked=True).claims


def study(tmp_path, errors, claim, published=("0.096", "0.103", "0.110"), curation=None, **table):
    """A study with one table whose three models have the given errors; None for a run without a result."""
    cfg = make_table(["BRNet", "BNet", "AutoML"], list(published)) | table
    models = ("brnet", "bnet", "automl")
    metrics = {
        name_run(model): write_run(tmp_path / "runs", name_run(model), [error]) / "metrics.json"
        for model, error in zip(models, errors, strict=True)
        if error is not None
    }
    outputs = place(tmp_path / "tables", "table")
    BUILDER.write(planned(cfg), metrics, curation or {}, outputs)
    about = {
        "study": "brnet2023",
        "study_title": "Branched",
        "reference": "Gupta",
        "model_selection": "On the validation set.",
    }
    described = about | {
        "claims": {"first": claim},
        "tables": {"table5": cfg},
        "dataset_titles": {"kefe": "KEFE"},
        "same_materials": [],
    }
    return described, {"table5": {"csv": outputs["csv"], "html": outputs["html"]}}


def verdict(tmp_path, errors, claim, **table):
    cfg, files = study(tmp_path, errors, claim, **table)
    (shown,) = view(cfg, files)
    return shown


@pytest.mark.parametrize(
    ("errors", "keys", "expected"),
    [
        ((0.09, 0.10, 0.11), {}, "holds (1 of 1)"),
        ((0.09, 0.10, 0.11), {"percent": 10}, "holds (1 of 1)"),
        ((0.09, 0.10, 0.11), {"percent": 11}, "does not hold (0 of 1)"),
        ((0.105, 0.10, 0.11), {}, "does not hold (0 of 1)"),
        ((0.10, 0.10, 0.11), {}, "does not hold (0 of 1)"),
        ((0.09, 0.10, None), {}, "not testable (0 of 1, 1 open: no result)"),
        ((0.105, 0.10, None), {}, "does not hold (0 of 1)"),
        ((None, 0.10, 0.11), {}, "not testable (0 of 1, 1 open: no result)"),
        ((0.09, 0.0, 0.11), {}, "does not hold (0 of 1)"),
        ((0.0, 0.0, 0.0), {}, "does not hold (0 of 1)"),
    ],
)
def test_lower(tmp_path, errors, keys, expected):
    assert verdict(tmp_path, errors, claim_of(**LOWER, **keys)).reproduced.text == expected


@pytest.mark.parametrize(
    ("errors", "keys", "expected"),
    [
        ((0.096, 0.104, 0.112), {}, "holds (3 of 3)"),
        ((0.096, 0.104, 0.13), {}, "does not hold (2 of 3)"),
        ((0.096, 0.104, 0.13), {"at_least": 2}, "holds (2 of 3)"),
        ((0.096, None, 0.13), {"at_least": 2}, "not testable (1 of 3, 1 open: no result)"),
        ((0.096, None, None), {"where": {"model": "brnet"}}, "holds (1 of 1)"),
    ],
)
def test_reproduced(tmp_path, errors, keys, expected):
    claim = claim_of(kind="reproduced", tables=["table5"])
    assert verdict(tmp_path, errors, claim | keys).reproduced.text == expected


def test_an_error_of_another_quantity_is_no_case_of_reproduced(tmp_path):
    table = make_table(["BRNet", "BNet", "AutoML"], ["0.096", "0.103", "0.110"])
    table["cells"][2]["reproduces"] = False
    claim = claim_of(kind="reproduced", tables=["table5"])
    shown = verdict(tmp_path, (0.096, 0.104, 98.0), claim, cells=table["cells"])
    assert shown.reproduced.text == "holds (2 of 2)"


def test_reproduced_is_undecided_where_the_test_sets_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "elemflow.reporting.tables.kinds.errors.read_score",
        lambda path, metric: replace(read_score(path, metric), standard_error=0.01),
    )
    claim = claim_of(kind="reproduced", tables=["table5"])
    shown = verdict(tmp_path, (0.096, 0.104, 0.112), claim)
    assert shown.reproduced.text == "undecided (0 of 3, 3 open)"
    assert [case.sign for case in shown.cases] == ["?"] * 3


@pytest.mark.parametrize(
    ("errors", "direction", "expected"),
    [
        ((0.09, 0.10, 0.11), "rising", "holds (1 of 1)"),
        ((0.09, 0.10, 0.11), "falling", "does not hold (0 of 1)"),
        ((0.09, 0.12, 0.11), "rising", "does not hold (0 of 1)"),
        ((0.09, None, 0.11), "rising", "not testable (0 of 1, 1 open: no result)"),
        ((0.12, None, 0.11), "rising", "does not hold (0 of 1)"),
    ],
)
def test_ordering(tmp_path, errors, direction, expected):
    order = [{"model": "brnet"}, {"model": "bnet"}, {"model": "automl"}]
    claim = claim_of(kind="ordering", tables=["table5"], order=order, direction=direction)
    assert verdict(tmp_path, errors, claim).reproduced.text == expected


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ((0.100, 0.105, 0.110), "holds (1 of 1)"),
        ((0.100, 0.105, 0.111), "does not hold (0 of 1)"),
        ((0.100, 0.105, None), "not testable (0 of 1, 1 open: no result)"),
        ((0.100, 0.120, None), "does not hold (0 of 1)"),
    ],
)
def test_similar(tmp_path, errors, expected):
    claim = claim_of(kind="similar", tables=["table5"], over=["model"], percent=10.001)
    assert verdict(tmp_path, errors, claim).reproduced.text == expected


def test_a_reduced_scale_decides_nothing_and_shows_its_number(tmp_path):
    small = {
        "max_materials": None,
        "max_epochs": 5,
        "members": 1,
        "drawn_tests": 1,
        "tests": "a",
        "set_of_train_rows": None,
        "reduced": ["at most 5 epochs of 3,000"],
    }
    shown = verdict(tmp_path, (0.09, 0.10, 0.11), claim_of(**LOWER), scales={"brnet2023": small})
    assert shown.reproduced.text == "not testable at this scale"
    (case,) = shown.cases
    assert (case.sign, case.number_text) == ("?", "−10.0\u202f%")
    assert case.cells[0].reproduced == "0.0900 †"


def test_a_larger_set_decides_between_models_but_not_whether_a_value_is_repeated(tmp_path):
    curation = tmp_path / "curation.json"
    curation.write_text(json.dumps({"materials": 9000, "properties": {"formation_energy": {"values": 9000}}}))

    def expected(claim):
        folder = tmp_path / claim["kind"]
        cfg, files = study(folder, (0.09, 0.10, 0.11), claim, curation={"kefe": curation})
        (shown,) = view(cfg, files)
        return shown.reproduced.text, shown.cases[0].cells[0].reproduced

    assert expected(claim_of(**LOWER)) == ("holds (1 of 1)", "0.0900 ‡")
    repeated = claim_of(kind="reproduced", tables=["table5"])
    assert expected(repeated)[0] == "not testable (0 of 3, 3 open: more materials than in the paper)"


def test_the_papers_own_numbers_are_evaluated_too(tmp_path):
    shown = verdict(tmp_path, (None, None, None), claim_of(**LOWER))
    assert (shown.published_text, shown.reproduced.text[:12]) == ("holds (1 of 1)", "not testable")
    shown = verdict(tmp_path, (None, None, None), claim_of(**LOWER, percent=50))
    assert shown.published_text == "does not hold (0 of 1)"
    assert verdict(tmp_path, (None, None, None), claim_of(**LOWER) | {"printed": False}).published_text == "—"


def comparison_lines(n):
    model = Run("kefe", "e", "ef", "brnet", "p")
    others = (Line(named=replace(model, model=f"m{i}"), run=f"m{i}") for i in range(n))
    return [Line(named=model, run=str(i), against=other) for i, other in enumerate(others)]


@pytest.mark.parametrize(
    ("p_values", "needed", "word"),
    [
        ([0.01, 0.04], None, claims.HOLDS),
        ([0.01, 0.05], None, claims.FAILS),
        ([0.01, 0.05], 1, claims.HOLDS),
        ([0.01, claims.FEW_MEMBERS], None, claims.OPEN),
        ([claims.NO_RESULT, claims.FEW_MEMBERS], None, claims.OPEN),
    ],
)
def test_significant(p_values, needed, word):
    keys = claim_of(kind="significant", a={"model": "brnet"}, b={"model": ["m0", "m1"]}, at_least=needed)
    claim = Claim.model_validate(keys)
    cases = claims.cases_of(claim, comparison_lines(len(p_values)))
    found = claims.sum_up(claim, [claims.decide(claim, case, lambda line: p_values[int(line.run)]) for case in cases])
    assert (found.word, found.cases) == (word, 2)
    if claims.FEW_MEMBERS in p_values:
        assert claims.FEW_MEMBERS in found.reasons


def test_cells_that_the_paper_does_not_print_either_are_no_case():
    first, second = claims.planned_lines(planned(make_table(["BRNet", "BNet"], ["0.1", None])))
    claim = Claim.model_validate(claim_of(kind="lower", a={"model": "brnet"}, b={"model": "bnet"}))
    assert claims.cases_of(claim, [first, replace(second, missing="not in the paper")]) == []
    printed = replace(second, missing="not in the paper", published=0.2)
    assert len(claims.cases_of(claim, [first, printed])) == 1


def test_prototypes_are_cases_of_their_own(papers):
    """Table 5 of irnet2019 tests a pair of models on three prototypes, each by its own protocol."""
    cfg = papers["irnet2019"]
    claim = cfg.claims["search"]
    tested = [case.keys["protocol"] for case in claims.cases_of(claim, cfg.lines_of(claim))]
    assert tested == [f"irnet2019_search_{name}" for name in ("b2", "l1_0", "perovskite")]
    found = evaluate_published(cfg, claim)
    assert (found.word, found.true, found.cases) == (claims.HOLDS, 3, 3)


def test_rows_of_one_run_are_cases_of_their_own(papers):
    """Rows of a table may show one run, and then differ in what the paper prints alone."""
    cfg = papers["irnet2019"]
    claim = cfg.claims["search"]
    named = [replace(line.named, protocol="irnet2019") for line in cfg.lines_of(claim)]
    lines = [replace(line, named=run, run=str(run)) for line, run in zip(cfg.lines_of(claim), named, strict=True)]
    assert [case.keys["row"] for case in claims.cases_of(claim, lines)] == ["B2", "L1₀", "Perovskite"]


def test_a_declined_run_is_told_apart_from_one_to_come(tmp_path):
    cfg, files = study(tmp_path, (0.09, 0.10, 0.11), claim_of(**LOWER))
    cells = pd.read_csv(files["table5"]["csv"], dtype=str)
    cells.loc[2, ["members", "reproduced", "note"]] = ["0", None, "not run: too large (9 training rows > 8)"]
    cells.to_csv(files["table5"]["csv"], index=False)
    (shown,) = view(cfg, files)
    assert shown.reproduced.text == "not testable (0 of 1, 1 open: declined by its model)"


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8),
    st.none() | st.integers(min_value=1, max_value=9),
)
def test_what_is_open_may_never_turn_a_verdict(outcomes, needed):
    claim = Claim(text="So.", at_least=needed)
    known = [
        claims.Outcome(true if decided else None, reason="" if decided else "no result") for decided, true in outcomes
    ]
    found = claims.sum_up(claim, known)
    for fill in (True, False):
        later = claims.sum_up(claim, [claims.Outcome(fill if o.true is None else o.true) for o in known])
        assert found.word in (claims.OPEN, later.word)


def test_pages_hold_verdicts_numbers_and_links_that_lead_to_cells(tmp_path):
    claim = claim_of(**LOWER) | {"text": "A <b>& 5 %", "note": "printed otherwise"}
    cfg, files = study(tmp_path, (0.09, 0.10, 0.11), claim)
    cfg["claims"]["second"] = DEFAULTS | {"text": "Times.", "missing": "no clock"}
    folder = tmp_path / "claims"
    write_claims(PlannedClaims.model_validate(cfg), files, {}, folder)
    page = (folder / "index.html").read_text()
    assert "holds (1 of 1)" in page
    assert "A &lt;b&gt;&amp; 5 %" in page
    assert "not testable: no clock" in page
    assert "On the validation set." in page
    links = set(re.findall(r'href="([^"]+\.html)#([^"]+)"', page))
    assert len(links) == 3
    for file, anchor in links:
        assert f'id="{anchor}"' in (folder / file).read_text()
    lines = pd.read_csv(folder / "claims.csv").set_index("id")
    assert list(lines["verdict"]) == ["holds", "not testable"]
    assert lines.loc["first", "printed_verdict"] == "holds"
    cells = pd.read_csv(folder / "cells.csv")
    assert list(cells["run"]) == [name_run(model) for model in ("brnet", "bnet", "automl")]
    assert cells["number"].iloc[0] == pytest.approx(-10)
    for name in ("claims.md", "claims.txt"):
        assert "holds (1 of 1)" in (folder / name).read_text()
    csv = {name: file["csv"] for name, file in files.items()}
    write_claims_index(tmp_path / "all", [(PlannedClaims.model_validate(cfg), csv)] * 2, {})
    page = (tmp_path / "all/index.html").read_text()
    assert page.count("holds (1 of 1)") == 4
    assert not re.search(r'href="[^"]+\.html', page)


def test_a_table_of_another_plan_is_refused(tmp_path):
    cfg, files = study(tmp_path, (0.09, 0.10, 0.11), claim_of(**LOWER))
    cfg["tables"]["table5"]["cells"].append(make_cell("irnet", 0, None, row=1))
    cfg["tables"]["table5"]["rows"].append({"label": "more"})
    with pytest.raises(DataError, match="make the table again"):
        write_claims(PlannedClaims.model_validate(cfg), files, {}, tmp_path / "claims")


def describe(config, root):
    settings = load(config, root)
    folder = root / "resources/published"
    printed = read_published_quantities(folder / "published_other.csv")
    plan = build(settings, {**read_published(folder / "published_mae.csv"), **printed})
    return claims.build(settings, plan)


@pytest.fixture(scope="module")
def papers(root):
    return describe({"studies": list(PAPERS)}, root)


def evaluate_published(cfg, claim):
    known = [line for line in cfg.lines_of(claim) if not isinstance(claims.printed_value(line), str)]
    cases = claims.cases_of(claim, known)
    return claims.sum_up(claim, [claims.decide(claim, case, claims.printed_value) for case in cases])


def test_claims_are_about_the_papers_names_where_copies_are_read(root):
    overlay = read_yaml(root / "config/overlays/local_tables.yaml")
    cfg = describe({"studies": ["brnet2023"]} | overlay, root)["brnet2023"]
    lines = claims.planned_lines(cfg.tables["table3"])
    assert {line.run.split("/")[0] for line in lines} >= {"oqmd", "jarvis_dft3d_gap"}
    assert {line.named.dataset for line in lines} == {"oqmd", "aflow", "mp", "jarvis"}
    assert cfg.dataset_titles["jarvis"] == "JARVIS-DFT"


def test_one_set_under_two_names_is_found(papers, root):
    assert not any(cfg.same_materials for cfg in papers.values())
    overlay = read_yaml(root / "config/overlays/oqmd_jarvis.yaml")
    assert describe({"studies": ["huang2020"]} | overlay, root)["huang2020"].same_materials == (("oqmd1", "oqmd2"),)
    overlay = read_yaml(root / "config/overlays/local_tables.yaml")
    assert describe({"studies": ["huang2020"]} | overlay, root)["huang2020"].same_materials == ()


def test_one_set_under_two_names_is_noted_where_both_are_evaluated(tmp_path):
    claim = claim_of(kind="reproduced", tables=["table5"]) | {"note": "Printed otherwise."}
    cfg, files = study(tmp_path, (0.09, 0.10, 0.11), claim)
    cfg |= {"same_materials": [["copy", "kefe"]], "dataset_titles": {"kefe": "KEFE", "copy": "Copy"}}

    def note():
        return view(cfg, files)[0].note

    assert note() == "Printed otherwise."
    cfg["tables"]["table5"]["cells"][0]["named"]["dataset"] = "copy"
    assert (
        note() == "Printed otherwise. Here Copy and KEFE are the same materials: their cases are one piece of evidence."
    )


def test_the_papers_contradict_themselves_where_it_is_known(papers):
    """What sections 3 to 6 of the papers' tables say against their text."""
    found = {
        (study_id, claim_id): evaluate_published(cfg, claim)
        for study_id, cfg in papers.items()
        for claim_id, claim in cfg.claims.items()
        if not claim.missing and claim.printed is True and claims.kind_of(claim).on_printed
        if not claims.kind_of(claim).of_quotes
    }
    assert {study_id for study_id, _ in found} == set(PAPERS)
    assert {key for key, value in found.items() if value.word == claims.FAILS} == {
        ("brnet2023", "fractions_beat_attributes"),
        ("brnet2023", "traditional_worst"),
        ("brnet2023", "experiments_bnet"),
        ("brnet2023", "branches_middle_1"),
        ("irnet2021", "composition"),
        ("irnet2021", "large_data"),
        ("irnet2021", "structure"),
        ("irnet2021", "fractions_add"),
        ("irnet2021", "deeper_aflow"),
        ("irnet2021", "shallower_mp"),
        ("tatis2021", "fastest"),
        ("tatis2021", "slowest"),
    }
    assert {key for key, value in found.items() if value.word == claims.OPEN} == {
        ("brnet2023", "percentiles"),
        ("irnet2021", "percentile_models"),
    }
    counts = {key: (value.true, value.cases) for key, value in found.items()}
    assert counts["irnet2021", "composition"] == (12, 13)
    assert counts["irnet2021", "composition_beats_structure"] == (11, 15)
    assert counts["irnet2021", "composition_beats_structure_oqmd"] == (9, 9)
    assert counts["irnet2021", "against_traditional"] == (1, 1)
    assert counts["tatis2021", "against_elemnet"] == (2, 2)
    assert counts["brnet2023", "traditional_worst"] == (10, 13)
    assert counts["irnet2019", "other_properties"] == (9, 10)
    assert counts["brnet2023", "other_inputs"] == (17, 17)


def test_the_parameters_of_networks_need_no_run(papers):
    claim = papers["brnet2023"].claims["cheaper"]
    lines = papers["brnet2023"].lines_of(claim)
    assert [line.published for line in lines] == [None] * 4
    assert [line.counted for line in lines] == [4_631_361, 5_447_585, 3_670_849, 4_548_385]
    evaluated, _ = evaluate_on_page(claim, lines)
    assert (evaluated.verdict.word, evaluated.text) == (claims.HOLDS, "holds (1 of 1), counted from the networks")


def test_a_printed_count_goes_before_the_counted_one():
    line = Line(named=Run.parse("d/p/r/m/q"), run="", published=5.0, counted=6)
    assert (claims.printed_value(line), claims.printed_value(replace(line, published=None))) == (5.0, 6)


def test_quoted_parts_of_errors_are_evaluated(papers):
    cfg = papers["huang2020"]
    assert cfg.quoted["positive_energies"] == {"mp_huang": 0.031}
    for name, text, numbers in (
        ("spread", "holds (3 of 3)", "1\u202f% to 3.4\u202f%"),
        ("positive_energies", "holds (1 of 1)", "24\u202f%"),
    ):
        evaluated, _ = evaluate_on_page(cfg.claims[name], cfg.lines_of(cfg.claims[name]), cfg.quoted[name])
        assert (evaluated.text, evaluated.numbers) == (text, numbers)
        assert evaluate_on_page(cfg.claims[name], cfg.lines_of(cfg.claims[name])) is None
    strict = cfg.claims["spread"].model_copy(update={"percent": 3.0})
    evaluated, _ = evaluate_on_page(strict, cfg.lines_of(strict), cfg.quoted["spread"])
    assert evaluated.text == "does not hold (2 of 3)"


def test_a_quoted_part_is_of_a_dataset_of_its_claim(root):
    claim = {"text": "So.", "kind": "spread_below", "tables": ["table2"], "percent": 5, "quotes": ["gap_due_to_size"]}
    overrides = {"studies": {"huang2020": {"claims": {"x": claim}}}}
    with pytest.raises(ConfigError, match=r"claims.x.quotes': 'gap_due_to_size' .* has the dataset '', .* of oqmd2"):
        describe({"studies": ["huang2020"], "overrides": overrides}, root)


def test_a_text_says_why_printed_numbers_do_not_decide(papers):
    cfg = papers["tatis2021"]
    claim = cfg.claims["against_networks"]
    assert claim.printed == "no mean over the folds is printed, and the error of IRNet is of other data"
    assert evaluate_on_page(claim, cfg.lines_of(claim)) is None


def test_a_claim_without_data_may_name_tables_that_are_gone(root):
    claim = {"text": "So.", "kind": "lower", "tables": ["gone"], "missing": "no data", "a": {}, "b": {}}
    described = describe(
        {"studies": ["brnet2023"], "overrides": {"studies": {"brnet2023": {"claims": {"x": claim}}}}}, root
    )
    assert "gone" not in described["brnet2023"].tables


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tables": ["tabel2"]}, "claims.x.tables': no table 'tabel2'. Known: table1, table2.*Did you mean 'table2'"),
        ({"tables": ["table1"]}, "reads tables of kind errors, and 'table1' is of kind datasets"),
        ({"a": {"model": "rnn"}}, "claims.x.a.model': no cell of the claim's tables has 'rnn'. Known: automl, elemnet"),
        ({"b": {"model": ["bnet", "irnte17"]}}, "claims.x.b.model': no cell .*'irnte17'.*Did you mean 'irnet17'"),
        ({"where": {"dataset": ["oqmd", "mpp"]}}, "claims.x.where.dataset': no cell .* has 'mpp'"),
        (
            {"a": {"model": "brnet", "protocol": "brnet2023"}, "b": {"model": "bnet", "representation": "pa"}},
            "claims.x.b",
        ),
        ({"over": ["model"]}, "claims.x.over': a claim of kind lower does not read this key"),
        (
            {"kind": "significant", "tables": ["test_brnet"], "b": {"model": "elmnet"}},
            "claims.x.b.model': no cell .*'elmnet'",
        ),
        ({"at_least": 5}, "claims.x.at_least': 5 cases must be true, but the tables have 4"),
        ({"kind": "ordering"}, "a claim of kind ordering needs the key 'order'"),
        ({"kind": "lowre"}, "key 'claims.x.kind': found \"lowre\"..*Did you mean 'lower'"),
        ({"a": {"modell": "rnn"}}, "key 'claims.x.a': unknown key 'modell'..*Did you mean 'model'"),
    ],
)
def test_a_claim_names_what_exists(root, change, message):
    claim = {"text": "So.", "kind": "lower", "tables": ["table2"], "a": {"model": "brnet"}, "b": {"model": "bnet"}}
    overrides = {"studies": {"brnet2023": {"claims": {"x": claim | change}}}}
    with pytest.raises(ConfigError, match=message):
        describe({"studies": ["brnet2023"], "overrides": overrides}, root)


INTERVALS = {
    "below": PairedInterval(-0.02, -0.01, MATERIALS),
    "above": PairedInterval(0.01, 0.02, MATERIALS),
    "crosses": PairedInterval(-0.01, 0.01, SPLITS),
    "other materials": None,
}


@pytest.mark.parametrize(
    ("against_bnet", "against_automl", "expected"),
    [
        ("below", "below", "holds (1 of 1)"),
        ("below", "crosses", "undecided (0 of 1, 1 open)"),
        ("above", "crosses", "does not hold (0 of 1)"),
        ("below", "other materials", "holds (1 of 1)"),
    ],
)
def test_paired_intervals_decide_between_models(tmp_path, monkeypatch, against_bnet, against_automl, expected):
    found = {name_run("bnet"): against_bnet, name_run("automl"): against_automl}
    monkeypatch.setattr(
        "elemflow.reporting.paired.PairedErrors.interval",
        lambda self, run, other, factor: INTERVALS[found[other]],
    )
    errors = (0.11, 0.10, 0.12) if against_bnet == "above" else (0.09, 0.10, 0.12)
    shown = verdict(tmp_path, errors, claim_of(**LOWER))
    assert shown.reproduced.text == expected
    over = {each.over for each in (INTERVALS[against_bnet], INTERVALS[against_automl]) if each}
    assert all(f" over {name}" in shown.note for name in over)
    assert (", " in shown.note) == (len(over) == 2)


@pytest.mark.parametrize(("interval", "errors"), [("above", (0.09, 0.10, 0.12)), ("below", (0.11, 0.10, 0.10))])
def test_intervals_of_fewer_splits_that_contradict_the_errors_leave_a_case_undecided(
    tmp_path, monkeypatch, interval, errors
):
    monkeypatch.setattr("elemflow.reporting.paired.PairedErrors.interval", lambda *args: INTERVALS[interval])
    assert verdict(tmp_path, errors, claim_of(**LOWER)).reproduced.text == "undecided (0 of 1, 1 open)"


def test_the_note_counts_each_pair_of_runs_once(tmp_path, monkeypatch):
    interval = INTERVALS["crosses"]
    monkeypatch.setattr("elemflow.reporting.paired.PairedErrors.interval", lambda *args: interval)
    claim = claim_of(kind="similar", tables=["table5"], over=["model"], percent=10)
    shown = verdict(tmp_path, (0.09, 0.10, 0.12), claim)
    assert shown.note == "Intervals of paired differences: 3 over splits."


LOWEST = {"kind": "lowest", "tables": ["table5"], "a": {"model": ["brnet", "bnet"]}, "b": {"model": "automl"}}


@pytest.mark.parametrize(
    ("errors", "keys", "expected"),
    [
        ((0.12, 0.10, 0.11), {}, "holds (1 of 1)"),
        ((0.10, 0.12, 0.11), {}, "holds (1 of 1)"),
        ((0.12, 0.13, 0.11), {}, "does not hold (0 of 1)"),
        ((0.12, 0.10, 0.11), {"percent": 10}, "does not hold (0 of 1)"),
        ((0.12, None, 0.11), {}, "not testable (0 of 1, 1 open: no result)"),  # the other may be the lowest
        ((None, 0.10, 0.11), {}, "not testable (0 of 1, 1 open: no result)"),
        ((0.12, 0.10, None), {}, "not testable (0 of 1, 1 open: no result)"),
    ],
)
def test_lowest(tmp_path, errors, keys, expected):
    assert verdict(tmp_path, errors, claim_of(**LOWEST, **keys)).reproduced.text == expected


@pytest.mark.parametrize(
    ("errors", "keys", "expected"),
    [
        ((0.12, 0.10, 0.11), {}, "holds (1 of 1)"),
        ((0.12, 0.10, 0.11), {"percent": 9}, "holds (1 of 1)"),
        ((0.12, 0.10, 0.11), {"percent": 10}, "does not hold (0 of 1)"),
        ((0.11, 0.10, 0.11), {}, "does not hold (0 of 1)"),
        ((0.10, None, 0.11), {}, "does not hold (0 of 1)"),  # whatever the unknown one is
        ((0.12, None, 0.11), {}, "not testable (0 of 1, 1 open: no result)"),
        ((None, 0.10, 0.11), {}, "not testable (0 of 1, 1 open: no result)"),
    ],
)
def test_highest(tmp_path, errors, keys, expected):
    claim = claim_of(**LOWER | {"kind": "highest"}, **keys)
    assert verdict(tmp_path, errors, claim).reproduced.text == expected


@pytest.mark.parametrize(
    ("errors", "expected"),
    [((0.12, 0.10, 0.11), "undecided (0 of 1, 1 open)"), ((0.10, 0.12, 0.11), "holds (1 of 1)")],
)
def test_the_paired_test_of_the_lowest_is_that_of_the_chosen_cell(tmp_path, monkeypatch, errors, expected):
    found = {name_run("bnet"): "crosses", name_run("brnet"): "below"}
    monkeypatch.setattr(
        "elemflow.reporting.paired.PairedErrors.interval",
        lambda self, run, other, factor: INTERVALS[found[run]],
    )
    assert verdict(tmp_path, errors, claim_of(**LOWEST)).reproduced.text == expected


def test_each_kind_names_the_inequalities_that_its_tests_need():
    kinds = claim_kinds()
    lower = Claim.model_validate(claim_of(**LOWER, percent=10))
    assert kinds["lower"].inequalities(lower, 3) == [Inequality(0, 1, 0.9), Inequality(0, 2, 0.9)]
    highest = kinds["highest"].inequalities(Claim.model_validate(claim_of(**LOWER, percent=25)), 3)
    assert highest == [Inequality(1, 0, 0.8), Inequality(2, 0, 0.8)]
    falling = Claim.model_validate(claim_of(kind="ordering", tables=["t"], order=[{}, {}, {}], direction="falling"))
    assert kinds["ordering"].inequalities(falling, 3) == [Inequality(1, 0), Inequality(2, 1)]
    similar = Claim.model_validate(claim_of(kind="similar", tables=["t"], over=["model"], percent=5))
    assert kinds["similar"].inequalities(similar, 2) == [Inequality(0, 1, 1.05), Inequality(1, 0, 1.05)]
    assert kinds["significant"].inequalities(lower, 2) == []
