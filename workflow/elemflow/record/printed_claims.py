"""The papers' claims on the papers' own printed numbers, as a page of the documents."""

from collections.abc import Sequence
from dataclasses import dataclass

from elemflow.config.study import Claim
from elemflow.plan import claims
from elemflow.record.cells import PAPERS, Planned
from elemflow.reporting.claims_evaluated import evaluate_published

INTRODUCTION = """\
# What the papers' own numbers say of their claims

Each claim that a study declares (`claims` in `config/studies/`) is evaluated on the numbers that the paper prints,
before anything is trained. A claim can fail here where the text rounds, speaks of most cases, or overlooks an
exception; its note says which. Counts of parameters that the paper does not print are those of the declared networks.
The same claims on the numbers of the record, without data and training:

```
snakemake --cores 2 claims --configfile config/overlays/local_tables.yaml \\
    --config recorded=only 'studies=[brnet2023,irnet2021,irnet2019,tatis2021,huang2020]'
```
"""


@dataclass(frozen=True)
class PrintedClaim:
    """A claim on the printed numbers.

    Attributes:
        study: Id of the paper's study.
        text: The claim.
        source: Where the paper makes it.
        note: Reservation.
        verdict: `holds`, `does not hold`, `not testable` or `no numbers`.
        text_of_verdict: The verdict with its count.
        numbers: Range of what decides.
    """

    study: str
    text: str
    source: str
    note: str
    verdict: str
    text_of_verdict: str
    numbers: str


def evaluate(planned: Planned) -> list[PrintedClaim]:
    """Return the claims that the papers make, on the numbers that they print."""
    found = claims.build(planned.settings, planned.plan)
    return [
        _evaluate(found[study], name, claim)
        for study in PAPERS
        for name, claim in found[study].claims.items()
        if claim.source != "ours"
    ]


def _evaluate(planned: claims.PlannedClaims, name: str, claim: Claim) -> PrintedClaim:
    def found(verdict: str, text: str, numbers: str = "") -> PrintedClaim:
        return PrintedClaim(planned.study, claim.text, claim.source, claim.note, verdict, text, numbers)

    if claim.missing:
        return found("no numbers", claim.missing)
    printed = evaluate_published(claim, planned.lines_of(claim), planned.quoted.get(name))
    if printed is None:
        return found("no numbers", claim.printed if isinstance(claim.printed, str) else "no number is printed")
    evaluated = printed[0]
    return found(evaluated.verdict.word, evaluated.text, evaluated.numbers)


def to_markdown(found: Sequence[PrintedClaim]) -> str:
    """Return the page."""
    words = [claim.verdict for claim in found]
    holds, fails = words.count(claims.HOLDS), words.count(claims.FAILS)
    rest = len(words) - holds - fails
    text = [
        INTRODUCTION,
        f"Of {len(words)} claims, {holds} hold on their own numbers, {fails} do not, {rest} need more than these.\n",
    ]
    for study in dict.fromkeys(claim.study for claim in found):
        text += [f"## {study}\n", "| claim | where | on the printed numbers | change | note |", "|---|---|---|---|---|"]
        text += [
            f"| {claim.text} | {claim.source} | {claim.text_of_verdict} | {claim.numbers} | {claim.note} |"
            for claim in found
            if claim.study == study
        ]
        text.append("")
    return "\n".join(text)
