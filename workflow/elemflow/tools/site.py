"""Hooks of mkdocs for the site: formulas as MathML, which needs no script, notebooks, and the figures of the demo."""

import re
import shutil
from html import escape, unescape
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

from elemflow.tools.notebook import read, to_markdown

ROOT = Path(__file__).resolve().parents[3]
FIGURES = ROOT / "results" / "figures" / "demo"
FIGURES_PAGE = "results/demo.md"
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Add a page for each notebook; called by mkdocs."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            page = file.src_uri.removesuffix(".ipynb") + ".md"
            files.append(File.generated(config, page, content=to_markdown(read(Path(file.abs_src_path)))))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Return a page with its formulas as MathML; called by mkdocs."""
    return FORMULA.sub(_mathml, html)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the text of a page, with links to pages of notebooks and the figures of the demo; called by mkdocs."""
    markdown = markdown.replace(".ipynb)", ".md)")
    if page.file.src_uri != FIGURES_PAGE:
        return markdown
    figures = sorted(FIGURES.glob("*.svg"))
    if not figures:
        return f"{markdown}\n\nThe demo was not built when this site was made.\n"
    return "\n\n".join([markdown, *(_figure(path) for path in figures)])


def on_post_build(config: Any, **_: Any) -> None:
    """Copy the figures of the demo into the site; called by mkdocs."""
    folder = (Path(config["site_dir"]) / FIGURES_PAGE).with_suffix("")
    for path in FIGURES.glob("*.svg"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)


def _mathml(match: re.Match[str]) -> str:
    tag, opening, formula = match.groups()
    display = "block" if opening == "[" else "inline"
    return f"<{tag}>{convert(unescape(formula), display=display)}</{tag}>"


def _figure(path: Path) -> str:
    """Return a figure with its caption, which is the file without a suffix."""
    caption = path.with_suffix("")
    text = caption.read_text(encoding="utf-8").strip() if caption.is_file() else path.stem
    title, _, rest = text.partition("\n")
    return f'## {title}\n\n<img src="demo/{path.name}" alt="{escape(title)}">\n\n<p>{escape(rest)}</p>'
