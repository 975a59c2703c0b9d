"""Picture of the pipeline, docs/images/pipeline.svg: stages, folders of the package and files between them."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from elemflow.config.yaml_schema import SCHEMAS
from elemflow.core.files import write_text

PICTURE = SCHEMAS.parents[1] / "docs" / "images" / "pipeline.svg"
WIDTH, HEIGHT = 1120, 400
BOX_WIDTH, BOX_HEIGHT = 140, 78
SMALL = 22  # characters above which a line is set smaller
STROKE = "stroke='#34495e' stroke-width='1.6'"
FONT = "font-family='Helvetica, Arial, sans-serif'"


@dataclass(frozen=True)
class Box:
    """One stage of the picture.

    Attributes:
        x: Left edge in pixels.
        y: Upper edge in pixels.
        title: Name of the stage.
        folders: Folders of the package that do its work.
        file: File that it writes, or what it stands for.
        fill: Background colour.
    """

    x: int
    y: int
    title: str
    folders: str
    file: str
    fill: str = "#eaf2f8"

    def left(self) -> tuple[int, int]:
        """Return the middle of the left edge."""
        return self.x, self.y + BOX_HEIGHT // 2

    def right(self) -> tuple[int, int]:
        """Return the middle of the right edge."""
        return self.x + BOX_WIDTH, self.y + BOX_HEIGHT // 2


DATABASES = Box(20, 165, "databases", "and your tables", "online or local", "#f4f6f7")
RETRIEVE = Box(190, 165, "retrieve", "sources/", "raw files + SHA-256")
CURATE = Box(360, 165, "curate", "curation/ chemistry/", "materials.parquet")
FEATURIZE = Box(530, 110, "featurize", "features/", "ef, pa, st .parquet")
SPLIT = Box(530, 220, "split", "splits/", "train/validation/test")
TRAIN = Box(700, 165, "train", "training/ networks/ estimators/", "predictions, models")
EVALUATE = Box(870, 110, "evaluate", "evaluation/", "metrics.json")
PREDICT = Box(870, 220, "predict", "inference/", "new materials, intervals")
BOXES = (DATABASES, RETRIEVE, CURATE, FEATURIZE, SPLIT, TRAIN, EVALUATE, PREDICT)
ARROWS = (
    (DATABASES, RETRIEVE), (RETRIEVE, CURATE), (CURATE, FEATURIZE), (CURATE, SPLIT), (FEATURIZE, TRAIN), (SPLIT, TRAIN),
    (TRAIN, EVALUATE), (TRAIN, PREDICT),
)  # fmt: skip


def picture() -> str:
    """Return the picture as SVG, the same bytes at every call."""
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' {FONT}>",
        "<title>From databases to tables, figures and claims</title>",
        "<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>",
        "<path d='M0,0 L8,4 L0,8 z' fill='#34495e'/></marker></defs>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
        *_band(
            24,
            "config/: datasets, models, protocols, studies",
            "checked and typed by elemflow.config, turned into runs by elemflow.plan",
        ),
        *_band(
            320,
            "tables, figures, claims: the published value next to the reproduced one",
            "written by reporting/; every number leads back to run, split, features, curation and raw bytes",
        ),
    ]
    for box in BOXES:
        lines += _box(box)
    for start, end in ARROWS:
        lines.append(_arrow(start.right(), end.left()))
    for box in (RETRIEVE, CURATE, FEATURIZE, TRAIN):
        middle = box.x + BOX_WIDTH // 2
        lines.append(_arrow((middle, 80), (middle, box.y), dashed=True))
    corner = f"{EVALUATE.x + BOX_WIDTH},149 1055,149 1055,318"
    lines.append(f"<polyline points='{corner}' fill='none' {STROKE} marker-end='url(#tip)'/>")
    return "\n".join([*lines, "</svg>", ""])


def _band(y: int, title: str, text: str) -> list[str]:
    x = WIDTH // 2
    return [
        f"<rect x='20' y='{y}' width='{WIDTH - 40}' height='56' rx='6' fill='#fdf3e3' stroke='#ca8a2c'/>",
        _text(x, y + 24, title, size=15, colour="#1b2631", bold=True),
        _text(x, y + 44, text, size=12, colour="#34495e"),
    ]


def _box(box: Box) -> list[str]:
    x = box.x + BOX_WIDTH // 2
    size = f"width='{BOX_WIDTH}' height='{BOX_HEIGHT}'"
    return [
        f"<rect x='{box.x}' y='{box.y}' {size} rx='6' fill='{box.fill}' stroke='#2e6da4'/>",
        _text(x, box.y + 24, box.title, size=15, colour="#1b2631", bold=True),
        _text(x, box.y + 45, box.folders, size=9 if len(box.folders) > SMALL else 12, colour="#2e6da4"),
        _text(x, box.y + 64, box.file, size=11, colour="#34495e"),
    ]


def _text(x: int, y: int, text: str, *, size: int, colour: str, bold: bool = False) -> str:
    weight = " font-weight='bold'" if bold else ""
    return (
        f"<text x='{x}' y='{y}' font-size='{size}'{weight} text-anchor='middle' fill='{colour}'>{escape(text)}</text>"
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], *, dashed: bool = False) -> str:
    dashes = " stroke-dasharray='4 4'" if dashed else ""
    (x1, y1), (x2, y2) = start, end
    return f"<line x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}' {STROKE}{dashes} marker-end='url(#tip)'/>"


def main(path: Path = PICTURE) -> None:
    """Write the picture."""
    write_text(path, picture())


if __name__ == "__main__":
    main()
