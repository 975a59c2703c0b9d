"""The formats of every kind of table: plain text, Markdown and LaTeX."""

from collections.abc import Callable, Iterable, Sequence

from elemflow.plan.items import PlannedTable
from elemflow.reporting import text as words
from elemflow.reporting.view import NO_VALUE, Cell, TableView

Group = tuple[str, Sequence[Sequence[str]]]
"""Heading and lines of a part of a plain-text table."""


def arrange_rows(table: PlannedTable, cells: Sequence[Cell]) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """Return label and cells of each row of a planned table without gaps, from its cells row by row."""
    width = len(table.columns)
    return tuple(
        (row.label, tuple(cells[width * number : width * (number + 1)])) for number, row in enumerate(table.rows)
    )


def group_lines(view: TableView, show: Callable[[Cell], tuple[str, ...]]) -> list[Group]:
    """Return the lines of a plain-text table: under the label of a row, each cell with its column and what is shown."""
    return [
        (
            words.escape_rst(label),
            [(words.escape_rst(column), *show(cell)) for column, cell in zip(view.columns, cells, strict=True) if cell],
        )
        for label, cells in view.rows
    ]


def render_text_page(view: TableView, header: Sequence[str], groups: Iterable[Group]) -> str:
    """Render title, lines and caption as reStructuredText that is aligned plain text."""
    table = words.simple_table(header, groups).rstrip("\n")
    sentences = (words.fill(words.escape_rst(sentence)) for sentence in view.sentences)
    return "\n\n".join([f"**{words.escape_rst(view.title)}**", table, *sentences]) + "\n"


def render_markdown(view: TableView) -> str:
    """Render a table as GitHub-flavoured Markdown; a cell stacks published, reproduced and difference."""

    def show(cell: Cell | None) -> str:
        if cell is None:
            return ""
        value = f"**{cell.reproduced_with_spread}**" if cell.best else cell.reproduced_with_spread
        published = [cell.published or NO_VALUE] * view.has_published
        return "<br>".join([*published, value, *([cell.difference] if cell.difference else [])])

    lines = [
        f"| | {' | '.join(words.escape_markdown(column) for column in view.columns)} |",
        f"|:--|{'--:|' * len(view.columns)}",
        *(
            f"| {words.escape_markdown(label)} | {' | '.join(show(cell) for cell in cells)} |"
            for label, cells in view.rows
        ),
    ]
    return (
        "\n\n".join(
            [f"### {words.escape_markdown(view.title)}", "\n".join(lines), *map(words.escape_markdown, view.sentences)]
        )
        + "\n"
    )


def render_latex(view: TableView) -> str:
    """Render a table as a LaTeX float that needs the package booktabs alone."""

    def show_line(kind: str, label: str, cells: Sequence[Cell | None]) -> str:
        return " & ".join([label, kind, *(_tex_part(cell, kind) for cell in cells)]) + r" \\"

    kinds = ("published", "reproduced", "difference") if view.has_published else ("reproduced",)
    body = [
        line
        for number, (label, cells) in enumerate(view.rows)
        for line in (
            *([r"\addlinespace"] if number else []),
            *(show_line(kind, "" if place else words.escape_tex(label), cells) for place, kind in enumerate(kinds)),
        )
    ]
    caption = words.escape_tex(" ".join([f"{view.title.rstrip('.')}.", *view.sentences]))
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            r"\begin{table}[htbp]",
            r"  \centering",
            f"  \\caption{{{caption}}}",
            f"  \\label{{tab:{view.label}}}",
            f"  \\begin{{tabular}}{{ll{'r' * len(view.columns)}}}",
            r"    \toprule",
            f"    {' & '.join(['', '', *map(words.escape_tex, view.columns)])} \\\\",
            r"    \midrule",
            *(f"    {line}" for line in body),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _tex_part(cell: Cell | None, kind: str) -> str:
    if cell is None:
        return ""
    if kind == "reproduced":
        text = words.escape_tex(cell.reproduced_with_spread)
        return f"\\textbf{{{text}}}" if cell.best else text
    return words.escape_tex((cell.published if kind == "published" else cell.difference) or NO_VALUE)
