"""The site in a browser without a window: sorting, filtering, zooming, width, names, console."""

import json
import re

import pytest
from factories.browser import CHROMIUM, Browser
from factories.site import make_inputs, make_site

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no browser at hand: install Debian's package chromium")

CONTROLS = {"button", "link", "searchbox", "textbox", "combobox", "dialog", "image", "img", "region"}
ROWS = "Array.from(document.querySelectorAll('#cells tbody tr')).filter(row => !row.hidden)"
COLUMN = f"{ROWS}.map(row => row.cells[{{}}].textContent.trim())"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return make_site(folder / "site", make_inputs(folder / "inputs"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def cells(browser, index):
    browser.look(1280)
    browser.open(index.parent / "pages/cells.html")
    return browser


def pages_of(index):
    return [index, *sorted(index.parent.glob("pages/**/*.html"))]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_fits_a_phone_and_logs_nothing(browser, index, dark):
    for page in pages_of(index):
        browser.look(400, dark=dark)
        browser.open(page)
        assert browser.run("document.documentElement.scrollWidth") <= 400, page
        assert browser.messages == [], page


def test_every_theme_has_its_colours(browser, index):
    colours = []
    for dark in (False, True):
        browser.look(1280, dark=dark)
        browser.open(index)
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


def test_every_control_has_a_name(browser, index):
    browser.look(1280)
    for page in pages_of(index):
        browser.open(page)
        found = browser.accessible()
        assert {"link", "heading", "main", "navigation"} <= {role for role, _ in found}, page
        assert not [role for role, name in found if role in CONTROLS and not name], page


def test_a_head_sorts_by_number_in_both_directions(cells):
    press = "[...document.querySelectorAll('#cells th button')].find(b => b.textContent == 'Published').click()"
    cells.run(press)
    assert cells.run(COLUMN.format(4)) == ["0.096", "0.104", "0.200", "0.3"]
    assert cells.run("document.querySelector('#cells th[aria-sort]').ariaSort") == "ascending"
    cells.run(press)
    assert cells.run(COLUMN.format(4)) == ["0.3", "0.200", "0.104", "0.096"]
    assert cells.run("document.querySelector('#cells th[aria-sort]').ariaSort") == "descending"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3.40 × 10⁻⁵", 3.4e-5), ("−1.27 × 10⁶ ± 2 §", -1.27e6), ("5.00 × 10⁻¹²", 5e-12), ("0.107 ± 0.004 §", 0.107),
        ("−3.1 % ≈", -3.1), ("1,729", 1729), (" 2 of 10", 2),
    ],
)  # fmt: skip
def test_numbers_are_sorted_by_their_value(cells, text, number):
    assert cells.run(f"quantity({json.dumps(text)})") == pytest.approx(number)


def test_cells_without_a_number_come_last(cells):
    cells.run("document.querySelectorAll('#cells th button')[6].click()")
    *numbers, last = cells.run(COLUMN.format(6))
    assert [float(text.split("\u202f")[0].replace("−", "-")) for text in numbers] == [-52.0, -3.8, 0.0]
    assert last == ""


@pytest.mark.parametrize(("key", "code"), [("Enter", 13), (" ", 32)])
def test_the_keyboard_sorts(cells, key, code):
    cells.run("document.querySelectorAll('#cells th button')[3].focus()")
    cells.press(key, code)
    assert cells.run(COLUMN.format(3)) == ["Absent", "BNet", "BRNet", "Forest"]


def test_tab_reaches_search_first_and_each_head_once(cells):
    cells.run("document.querySelector('input[type=search]').focus()")
    names = []
    for _ in range(14):
        cells.press("Tab", 9)
        names.append(cells.run("document.activeElement.textContent.trim() || document.activeElement.name"))
    assert names[2] == "Clear"
    assert [name for name in names if name in ("Study", "Table", "Row", "Column")] == [
        "Study",
        "Table",
        "Row",
        "Column",
    ]


def test_text_and_verdict_filter_and_are_cleared(cells):
    cells.run("""{const f = document.querySelector('form'); f.text.value = 'BnEt enthalpy';
        f.text.dispatchEvent(new Event('input', {bubbles: true}))}""")
    assert cells.run(COLUMN.format(3)) == ["BNet"]
    assert cells.run("document.querySelector('output').textContent") == "1 of 4 cells"
    cells.run("""{const f = document.querySelector('form'); f.state.value = 'undecided';
        f.state.dispatchEvent(new Event('input', {bubbles: true}))}""")
    assert cells.run(COLUMN.format(3)) == []
    assert not cells.run("document.getElementById('none').hidden")
    cells.run("document.querySelector('button[type=reset]').click()")
    assert cells.run(
        "new Promise(done => setTimeout(() => done(document.querySelector('output').textContent), 50))"
    ) == ("4 cells")


def test_the_counts_of_the_overview_lead_to_their_cells(browser, index):
    browser.open(index)
    link = browser.run("document.querySelector('.counts .not-reproduced a').href")
    browser.open(link)
    assert browser.run(COLUMN.format(3)) == ["BNet"]
    assert browser.run("document.querySelector('form').state.value") == "not reproduced"


def test_a_figure_is_enlarged_and_closed_by_the_keyboard(browser, index):
    browser.look(1280)
    browser.open(index.parent / "pages/studies/a_study.html")
    browser.run("document.querySelector('a.zoom').focus()")
    browser.press("Enter", 13)
    assert browser.run("document.querySelector('dialog').open")
    shown = "new Promise(done => {const i = document.querySelector('dialog img'); i.decode().then(() => done(i.naturalWidth))})"
    assert browser.run(shown) > 0
    browser.press("Escape", 27)
    assert not browser.run("document.querySelector('dialog').open")
    assert re.search(r"zoom", browser.run("document.activeElement.className"))
    assert browser.messages == []
