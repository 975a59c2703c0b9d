"""The whole site: links, escaping, equal bytes, size."""

import re
import shutil
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from factories.reporting import name_run
from factories.site import COVERAGE, ERRORS, TITLE, make_inputs, make_site

from elemflow.core.errors import DataError
from elemflow.reporting.site.render import run_page


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def index(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    make_site(folder / "first", inputs)
    return shutil.move(folder / "first", folder / "elsewhere") / "index.html"


class Page(HTMLParser):
    """Links, ids, texts, the nesting and the rows of all tables of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids, self.text, self.tags, self.rows = [], [], [], [], []
        self.in_cell = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        self.in_cell = tag in ("td", "th") or (self.in_cell and tag != "tr")
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("href", "src") if found.get(name)]

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th", "tr", "table")

    def handle_data(self, data):
        self.text.append(data)
        if self.in_cell:
            self.rows[-1][-1] += data.strip()


def test_every_link_leads_to_a_file_and_a_place_of_the_site(index):
    pages = {path: Page(path) for path in [index, *index.parent.rglob("pages/**/*.html")]}
    assert len(pages) == 1 + 1 + 1 + 1 + len(ERRORS)  # overview, study, cells, costs, runs
    for path, page in pages.items():
        for link in page.links:
            file, _, place = link.partition("#")
            target = (path.parent / unquote(file)).resolve() if file else path
            if link.startswith("data:"):
                continue
            assert target.is_file(), (path, link)
            assert target.is_relative_to(index.parent.resolve())
            if place and "=" not in place:
                assert place in Page(target).ids, (path, link)


def test_a_single_study_is_shown_on_the_overview(index, inputs, tmp_path):
    alone = index.read_text(encoding="utf-8")
    assert 'class="grid"' in alone
    assert 'class="thumbs"' in alone
    second = inputs.studies[0].model_copy(update={"study": "b_study"})
    both = make_site(tmp_path, inputs.model_copy(update={"studies": (*inputs.studies, second)}))
    assert 'class="grid"' not in both.read_text(encoding="utf-8")


def test_cells_and_marks_are_explained_once_above_the_tables(inputs, tmp_path):
    more = inputs.tables[0].model_copy(
        update={"planned": inputs.tables[0].planned.model_copy(update={"table": "more"})}
    )
    home = make_site(tmp_path, inputs.model_copy(update={"tables": [*inputs.tables, more]})).read_text(encoding="utf-8")
    assert home.count('class="grid"') == 2
    assert home.count('class="key"') == 1
    assert "‡ on more materials" in home


def test_every_page_is_reached_from_the_overview(index):
    seen, new = set(), {index.resolve()}
    while new:
        path = new.pop()
        seen.add(path)
        links = [link.partition("#")[0] for link in Page(path).links if not link.startswith("data:")]
        found = {(path.parent / link).resolve() for link in links if link.endswith(".html")}
        new |= found - seen
    assert seen == set(index.parent.resolve().rglob("*.html"))


def test_titles_are_escaped(index):
    for path in index.parent.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "<of>" not in page
        assert "of" not in Page(path).tags
    assert TITLE in "".join(Page(index).text)


def test_ids_are_unique(index):
    for path in index.parent.rglob("*.html"):
        ids = Page(path).ids
        assert len(set(ids)) == len(ids), path


def test_equal_bytes(inputs, index, tmp_path):
    again = make_site(tmp_path, inputs)
    files = {path.relative_to(again.parent) for path in again.parent.rglob("*") if path.is_file()}
    assert files == {path.relative_to(index.parent) for path in index.parent.rglob("*") if path.is_file()}
    assert all((again.parent / file).read_bytes() == (index.parent / file).read_bytes() for file in files)


def test_nothing_is_loaded_from_elsewhere(index):
    for path in index.parent.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"/\*!.*?\*/", "", text, flags=re.DOTALL)  # the notice of the library
            assert "//" not in re.sub(r"^\s*//.*", "", text, flags=re.MULTILINE), path


def test_pages_of_runs_are_small(index):
    assert all(path.stat().st_size < 60_000 for path in index.parent.glob("pages/runs/*.html"))


def test_verdicts_are_shown_in_words_and_counted(index):
    cells = (index.parent / "pages/cells.html").read_text(encoding="utf-8")
    for state in ("reproduced", "not reproduced", "undecided", "no result"):
        assert f'<td class="{state.replace(" ", "-")}">{state}<' in cells
    overview = " ".join("".join(Page(index).text).split())
    assert "1 reproduced 1 not reproduced 1 undecided 1 no result" in overview


def test_a_cell_links_to_its_run_and_back(index):
    run = run_page(name_run("brnet"))
    study = index.parent / "pages/studies/a_study.html"
    assert f"../{run}" in Page(study).links
    page = Page(index.parent / "pages" / run)
    assert "../studies/a_study.html#t-table5" in page.links
    text = " ".join("".join(page.text).split())
    assert "git checkout 0123abcd" in text
    assert "ab" * 32 in text


def test_runs_from_the_record_count_for_every_study_that_shows_them(inputs, tmp_path):
    elsewhere = [run.model_copy(update={"studies": ("other",), "recorded": True}) for run in inputs.runs]
    home = make_site(tmp_path, inputs.model_copy(update={"runs": elsewhere})).read_text(encoding="utf-8")
    assert f"<span>{len(ERRORS)} runs</span>" in home
    assert f"{len(ERRORS)} runs in 1 study, all from the record" in home


def coverage_of(page):
    """Return the rows of the coverage of an overview, as texts."""
    rows = page.rows[next(i for i, row in enumerate(page.rows) if row[0] == "Paper, table") :]
    return rows[: next((i for i, row in enumerate(rows) if len(row) != len(rows[0])), None)]


def test_the_coverage_of_a_paper_stands_on_the_overview(index):
    page = Page(index)
    assert coverage_of(page) == [
        ["Paper, table", "Printed", "Recorded", "Reproduced", "Not reproduced", "Undecided", "On other data",
         "Without data in any source", "CPU hours for the rest"],
        ["a_study", "1,211", "3", "1", "1", "1", "0", "1", "13 to 1,235"],
        ["Table 5", "4", "3", "1", "1", "1", "0", "1", "< 1"],
        ["Table 6", "1,207", "0", "0", "0", "0", "0", "0", "12 to 1,235"],
    ]  # fmt: skip
    text = " ".join("".join(page.text).split())
    assert "a_study, Table 5, 1 error without data: <no> source has them." in text
    assert "pages/studies/a_study.html#t-table5" in page.links
    assert "#verdicts" in page.links


def test_of_several_papers_the_sum_stands_below(inputs, tmp_path):
    second = inputs.studies[0].model_copy(update={"study": "b_study"})
    page = Page(make_site(tmp_path, inputs.model_copy(update={"studies": [second, inputs.studies[0]]})))
    rows = coverage_of(page)
    assert [row[0] for row in rows[1:]] == ["b_study", "Table II", "a_study", "Table 5", "Table 6", "all papers"]
    assert rows[0][7] == "Of another quantity"
    assert rows[2][1:] == ["8", "3", "0", "0", "0", "1", "2", "0", "30"]
    # Of all papers, runs that two tables share count once, as in the last line of the file.
    assert rows[-1][1:] == ["1,219", "6", "1", "1", "1", "1", "2", "1", "40 to 1,260"]


def test_the_sum_is_that_of_the_papers_that_are_shown(inputs, tmp_path):
    more = COVERAGE.replace("all,,", "c_study,T1,10,0,0,0,0,0,0,0,1,1,\nall,,")
    (tmp_path / "more.csv").write_text(more)
    second = inputs.studies[0].model_copy(update={"study": "b_study"})
    update = {"studies": [inputs.studies[0], second], "coverage": str(tmp_path / "more.csv")}
    rows = coverage_of(Page(make_site(tmp_path / "site", inputs.model_copy(update=update))))
    assert rows[-1] == ["all papers", "1,219", "6", "1", "1", "1", "1", "2", "1", "43 to 1,265"]


def test_without_a_coverage_of_its_studies_an_overview_has_none(inputs, index, tmp_path):
    (tmp_path / "other.csv").write_text(COVERAGE.replace("a_study", "c_study"))
    for number, path in enumerate(("", str(tmp_path / "other.csv"))):
        home = make_site(tmp_path / str(number), inputs.model_copy(update={"coverage": path}))
        assert "record" not in Page(home).ids
        assert "Paper, table" not in home.read_text(encoding="utf-8")
    assert "record" in Page(index).ids


@pytest.mark.parametrize("damage", ["not_reproduced,", "1207", "<<<<<<< ours"])
def test_a_damaged_coverage_is_named_with_how_to_restore_it(inputs, tmp_path, damage):
    text = f"{COVERAGE}{damage}\n" if damage.startswith("<") else COVERAGE.replace(damage, "x")
    path = tmp_path / "resources/record/coverage.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(DataError, match=r"^resources/record/coverage.csv is damaged\. Restore it .* git checkout"):
        make_site(tmp_path / "site", inputs.model_copy(update={"coverage": str(path)}))
