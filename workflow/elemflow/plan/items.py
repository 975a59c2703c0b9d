"""What a table or a figure shows, as the plan describes it to the job that makes it."""

from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field

from elemflow.core.declared import Declared, Parameters
from elemflow.core.outline import Outline


class DatasetAbout(Declared):
    """What captions say of a dataset.

    Attributes:
        title: Its name.
        citation: BibTeX keys.
        license: Terms of use; empty if not known.
        version: Version of the database; empty if it has none.
        published_size: Number of materials that a study prints, by study.
    """

    title: str
    citation: tuple[str, ...] = ()
    license: str = ""
    version: str = ""
    published_size: dict[str, int] = Field(default={})


class ProtocolScale(Declared):
    """How large the runs of a protocol are.

    Attributes:
        max_materials: Most materials of a run; None if nothing bounds them.
        max_epochs: Most epochs; None if nothing bounds them.
        members: Number of members.
        drawn_tests: Number of test sets drawn at random among all materials; None if chance does not choose them.
        tests: Name of the test sets, the same for all protocols that test the same materials.
        set_of_train_rows: Of how many materials `train_rows` are the training share; None without them.
        reduced: Where the protocol is smaller than its file declares, in words.
    """

    max_materials: int | None = None
    max_epochs: int | None = None
    members: int = 1
    drawn_tests: int | None = None
    tests: str = ""
    set_of_train_rows: int | None = None
    reduced: tuple[str, ...] = ()

    def count_drawn(self, members: int | None) -> int | None:
        """Return the number of drawn test sets behind a mean over members, which may be fewer than are declared.

        Args:
            members: Their number; None for what is declared.
        """
        return self.drawn_tests if members is None or not self.drawn_tests else min(self.drawn_tests, members)


class Label(Declared):
    """Label of a row or of a column."""

    label: str


class CellNames(Declared):
    """Dataset and property as the study names them; a run may read them from another dataset."""

    dataset: str
    property: str


class PlannedItem(Declared):
    """What cells of tables and series of figures have in common.

    Attributes:
        dataset: Id of the dataset that is read.
        property: Id of the property that is read; empty if none is.
        representation: Parts of the representation, joined with +; empty without a run.
        model: Id of the model; empty without a run.
        protocol: Id of the protocol; empty without a run.
        run: Path of the run below `results/runs/`; empty without one.
        named: Dataset and property as the study names them; None without a run.
        missing: Why there are no data; empty if there are.
        unit: Unit of the value.
        level: Level of the intervals in per cent.
        quantity: Quantity of a network.
        counted: Parameters of the network, counted from its declaration; None where it does not say them, and for other
            quantities.
        setting: Setting of stability.
        inputs: Text in the names of the inputs that are counted; empty for all.
        published: Value that the paper prints; None if it prints none.
        published_text: The same as printed.
        published_source: Study and printed table.
        published_note: Reservation about the printed value; empty if there is none.
        published_line: Line of the file of published values that has it; None if the paper prints none.
        margin: Largest difference from the published value that counts as none; None if the paper prints none.
        reproduces: Whether the run repeats the published training; false where a study sets the value of another model
            next to it.
        published_size: Number of materials behind the printed value; None if the paper prints none.
        dataset_title: Name of the dataset in the study, for figures and for tables of datasets.
        property_title: Name of the property, likewise.
        label: Name of the series or of the cell, likewise.
        outline: The network of the model; for tables and figures of networks.
    """

    dataset: str
    property: str = ""
    representation: str = ""
    model: str = ""
    protocol: str = ""
    run: str = ""
    named: CellNames | None = None
    missing: str = ""
    unit: str = ""
    level: int | None = None
    quantity: str = ""
    counted: int | None = None
    setting: str = ""
    inputs: str = ""
    published: float | None = None
    published_text: str | None = None
    published_source: str | None = None
    published_note: str = ""
    published_line: int | None = None
    margin: float | None = None
    reproduces: bool = True
    published_size: int | None = None
    dataset_title: str = ""
    property_title: str = ""
    label: str = ""
    outline: Outline | None = None

    @classmethod
    def of(cls, item: "PlannedItem", **own: Any) -> Self:
        """Return an item with further fields."""
        return cls(**{key: getattr(item, key) for key in item.model_fields_set}, **own)


class PlannedCell(PlannedItem):
    """A cell of a table, in a row and a column, both counted from 0."""

    row: int
    column: int


class PlannedSeries(PlannedItem):
    """A series of a panel, or a dataset in figures of datasets; `row` and `column` as in a table, if given."""

    row: int = 0
    column: int = 0


class PlannedPanel(Declared):
    """A panel of a figure."""

    label: str
    series: list[PlannedSeries]


class Peer(Declared):
    """What others' predictions give in a setting of stability.

    Attributes:
        model: Name of the model.
        note: What distinguishes it; empty if nothing does.
        values: Values by the names of `elemflow.stability.records`.
    """

    model: str
    note: str = ""
    values: dict[str, float]


class Failure(Declared):
    """Why a run failed, and its log."""

    message: str
    log: str


class RecordedAbout(Declared):
    """What a table says of a recorded run.

    Attributes:
        commit: Start of the commit that trained it.
        finished: Date.
        other_data: Whether its data are others than those curated here.
        other_settings: With which settings it was trained, where they are others than those here.
        fewer_members: How many members it has, and how many are declared here, where it has fewer.
        data: The dataset that it was trained on; None where the record has no description of it.
    """

    commit: str
    finished: str
    other_data: bool = False
    other_settings: str = ""
    fewer_members: tuple[int, int] | None = None
    data: DatasetAbout | None = None


class Shown(Declared):
    """What tables and figures have in common.

    Attributes:
        study: Id of the study.
        study_title: Its title.
        reference: The paper.
        title: Title of the item.
        kind: Kind of table or of figure.
        metric: Error that is shown.
        datasets: Datasets behind the item, with those of pre-training.
        protocols: Titles of the protocols, by id.
        scales: Sizes of their runs, by id.
        failed: Runs that are shown as failed, by path.
        recorded: Runs that are shown from the record, by path.
        recorded_elsewhere: Number of cells that the record has from a run on a public copy of their data.
        peers: Values of others, in tables and figures of stability.
    """

    study: str
    study_title: str
    reference: str
    title: str
    kind: str
    metric: str = "mae"
    datasets: dict[str, DatasetAbout] = Field(default={})
    protocols: dict[str, str] = Field(default={})
    scales: dict[str, ProtocolScale] = Field(default={})
    failed: dict[str, Failure] = Field(default={})
    recorded: dict[str, RecordedAbout] = Field(default={})
    recorded_elsewhere: int = 0
    peers: list[Peer] = Field(default=[])

    def parameters(self) -> Parameters:
        """Return the item as the parameter of the job that makes it."""
        return self.model_dump(mode="json", exclude_unset=True)


class PlannedTable(Shown):
    """A table.

    Attributes:
        table: Its id.
        note: Sentence below it.
        rows: Labels of the rows.
        columns: Labels of the columns.
        cells: Its cells; those without a run too.
        splits: Splits of the protocols, by id; for comparisons.
    """

    table: str
    note: str = ""
    rows: list[Label]
    columns: list[Label]
    cells: list[PlannedCell]
    splits: dict[str, dict[str, Any]] = Field(default={})

    @property
    def planned(self) -> list[PlannedCell]:
        """The cells, in the order of the study."""
        return self.cells

    @property
    def ordered_cells(self) -> list[PlannedCell]:
        """The cells row by row."""
        return sorted(self.cells, key=lambda cell: (cell.row, cell.column))


class PlannedFigure(Shown):
    """A figure.

    Attributes:
        figure: Its id.
        panels: Its panels.
        study_labels: Labels of all figures of the study, which share their colours.
    """

    figure: str
    panels: list[PlannedPanel]
    study_labels: list[list[str]] = Field(default=[])

    @property
    def planned(self) -> Iterator[PlannedSeries]:
        """The series, in the order of the study."""
        return self.series

    @property
    def series(self) -> Iterator[PlannedSeries]:
        """The series of all panels."""
        for panel in self.panels:
            yield from panel.series

    @property
    def labels(self) -> list[str]:
        """The labels of all series, each once."""
        return list(dict.fromkeys(series.label for series in self.series))
