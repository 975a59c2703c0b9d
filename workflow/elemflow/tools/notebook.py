"""Notebooks of the documents: run their cells and keep the outputs, or turn them into Markdown, without Jupyter.

`python -m elemflow.tools.notebook docs/guide/notebook.ipynb` runs a notebook from the folder of the project, after
`make run`, and writes its outputs again.
"""

import ast
import base64
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from elemflow.core.files import write_text

Cell = dict[str, Any]
"""A cell as the format of notebooks has it."""

PANDAS_STYLE = re.compile(r' (?:class="dataframe"|style="text-align: right;")')
"""What pandas gives its tables; the site styles those without."""
PNG, HTML, TEXT = "image/png", "text/html", "text/plain"


def run_cells(cells: list[Cell]) -> Iterator[Cell]:
    """Run the code cells of a notebook one after the other, in one namespace.

    Figures of pyplot that are open before are closed.

    Yields:
        Each cell, with the outputs of this run.

    Raises:
        RuntimeError: A cell failed; names it and chains its error.
    """
    os.environ["MPLBACKEND"] = "agg"  # no window
    _close_figures()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in cells:
        if cell["cell_type"] != "code":
            yield cell
            continue
        count += 1
        source = "".join(cell["source"])
        try:
            outputs = _run(source, namespace, count)
        except Exception as error:
            raise RuntimeError(f"cell {count} failed:\n{source}") from error
        yield cell | {"execution_count": count, "outputs": outputs}


def _run(source: str, namespace: dict[str, Any], count: int) -> list[Cell]:
    """Return what a cell prints, its last expression unless that is None, and the figures that it draws."""
    module = ast.parse(source)
    final = module.body[-1] if module.body else None
    last = ast.Expression(final.value) if isinstance(final, ast.Expr) else None
    module.body = module.body[:-1] if last else module.body
    with redirect_stdout(StringIO()) as printed:
        exec(compile(module, f"<cell {count}>", "exec"), namespace)  # noqa: S102  that is what a notebook is for
        value = eval(compile(last, f"<cell {count}>", "eval"), namespace) if last else None  # noqa: S307  the same
    outputs: list[Cell] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())})
    if value is not None:
        table = {HTML: _lines(value.to_html(border=0))} if hasattr(value, "to_html") else {}
        data = {**table, TEXT: _lines(repr(value))}
        outputs.append({"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data})
    return [*outputs, *_take_figures()]


def _take_figures() -> Iterator[Cell]:
    """Yield the open figures of pyplot as pictures, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for figure in map(pyplot.figure, pyplot.get_fignums()):
        picture = BytesIO()
        figure.savefig(picture, format="png", dpi=80, bbox_inches="tight", metadata={"Software": None})
        data = {PNG: base64.b64encode(picture.getvalue()).decode(), TEXT: ["figure"]}
        yield {"output_type": "display_data", "metadata": {}, "data": data}
    _close_figures()


def _close_figures() -> None:
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def to_markdown(notebook: Cell) -> str:
    """Return a notebook as a page: code in fences, tables and pictures as HTML."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts.extend(_show(output) for output in cell.get("outputs", ()))
    return "\n\n".join(parts) + "\n"


def _show(output: Cell) -> str:
    data = output.get("data", {})
    if PNG in data:
        return f'<img alt="{escape("".join(data[TEXT]))}" src="data:{PNG};base64,{"".join(data[PNG]).strip()}">'
    if HTML in data:
        return PANDAS_STYLE.sub("", "".join(data[HTML]))
    return f"```text\n{''.join(output.get('text') or data[TEXT]).rstrip()}\n```"


def read(path: Path) -> Cell:
    """Return a notebook."""
    found: Cell = json.loads(path.read_text(encoding="utf-8"))
    return found


def write(path: Path, notebook: Cell) -> None:
    """Write a notebook as Jupyter does."""
    write_text(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def main(arguments: list[str]) -> None:
    """Run notebooks and write their outputs."""
    for name in arguments:
        notebook = read(Path(name))
        write(Path(name), notebook | {"cells": list(run_cells(notebook["cells"]))})


if __name__ == "__main__":
    main(sys.argv[1:])
