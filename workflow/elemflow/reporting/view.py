"""What a table shows, whatever the format it is written in."""

from dataclasses import dataclass, replace
from typing import Self

NOT_RUN = "not run"
UNDEFINED = "undefined"
NO_DATA = "no data"
LISTED = "listed"
FAILED = "failed"
NO_VALUE = "—"
MEANING_OF_MARKS = (
    "§ from the record, not computed here; † on a smaller scale or on fewer materials than the paper; ‡ on more "
    "materials than the paper"
)
"""What the marks of values mean, for pages of several tables; each caption counts its own."""
LONG_TEXT = 24
"""Characters above which a cell is broken into lines."""


@dataclass(frozen=True)
class Cell:
    """One cell as it is shown; an empty string is a piece that does not exist.

    Attributes:
        published: As printed in the paper.
        reproduced: Mean over members, or `not run`, with the reason if there is one, `undefined`, `no data`, or, for
            results of others, which no run here has, `listed`.
        spread: Sample standard deviation over members.
        difference: Reproduced minus published, in per cent of the published value.
        members: Number of members; 0 if the run has no result.
        best: Whether no other cell of the row has a better reproduced value, as shown.
        run: Path of the run below `results/runs/`.
        mark: Marks of notes in the caption.
        verdict: `reproduced`, `not reproduced` or `undecided`, of a value at full scale.
        log: Log of a failed run.
    """

    published: str
    reproduced: str
    spread: str
    difference: str
    members: int
    best: bool
    run: str
    mark: str = ""
    verdict: str = ""
    log: str = ""

    @property
    def done(self) -> bool:
        """Return whether the run has a result."""
        return self.members > 0

    @property
    def look(self) -> str:
        """Return the classes of the cell on pages: its verdict, and `text` where it is long; empty if neither."""
        long = len(self.reproduced) > LONG_TEXT
        return " ".join([*filter(None, [self.verdict.replace(" ", "-")]), *["text"] * long])

    @property
    def reproduced_with_spread(self) -> str:
        """Return the mean and, if there are any, its spread and its mark."""
        spread = f" ± {self.spread}" if self.spread else ""
        return f"{self.reproduced}{spread}{self.mark and f' {self.mark}'}"


@dataclass(frozen=True)
class TableView:
    """A table ready to be written in any format.

    Attributes:
        study: Title of the study.
        title: Title of the table.
        columns: Column labels.
        rows: Label and cells of each row; None where the table has no cell.
        caption: Sentences on metric, data, protocol, members and layout.
        reference: The paper.
        label: Study and table, for links and LaTeX labels.
        has_published: Whether the paper prints a value for any cell.
    """

    study: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]
    caption: tuple[str, ...]
    reference: str
    label: str
    has_published: bool

    def with_sentence(self, sentence: str) -> Self:
        """Return the table with a sentence at the end of its caption; an empty one changes nothing."""
        return replace(self, caption=(*self.caption, sentence)) if sentence else self

    @property
    def sentences(self) -> list[str]:
        """Return the caption with the paper at its end."""
        return [*self.caption, *([f"Reference: {self.reference}"] if self.reference else [])]
