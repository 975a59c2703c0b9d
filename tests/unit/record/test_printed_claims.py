"""The papers' claims on the papers' own numbers."""

import pytest

from elemflow.plan import claims
from elemflow.record.cells import OVERLAY, PAPERS, plan_papers
from elemflow.record.printed_claims import evaluate, to_markdown


@pytest.fixture(scope="module")
def found(root):
    return evaluate(plan_papers(root)[0])


def test_a_claim_that_the_papers_own_table_contradicts_is_found(found):
    claim = next(each for each in found if each.study == "brnet2023" and each.text.startswith("BNet, too, beats"))
    assert (claim.verdict, claim.text_of_verdict) == (claims.FAILS, "does not hold (1 of 2)")


def test_what_printed_numbers_cannot_decide_says_why(found):
    undecided = [claim for claim in found if claim.verdict == "no numbers"]
    assert undecided
    assert all(claim.text_of_verdict for claim in undecided)


def test_the_page_counts_all(found):
    words = [claim.verdict for claim in found]
    counted = f"{words.count(claims.HOLDS)} hold on their own numbers, {words.count(claims.FAILS)} do not"
    assert counted in to_markdown(found)


def test_nothing_is_said_to_need_predictions(found):
    texts = {claim.text_of_verdict for claim in found}
    assert "no number is printed" in texts
    assert "needs predictions" not in texts


def test_the_page_builds_the_claims_of_every_paper(found):
    page = to_markdown(found)
    assert f"studies=[{','.join(PAPERS)}]" in page
    assert f"--configfile {OVERLAY}" in page
