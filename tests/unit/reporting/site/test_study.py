"""The page of a study."""

import pytest
from factories.site import make_inputs, make_site

from elemflow.core.errors import DataError
from elemflow.reporting.site.study import WIDE, FigureOnPage, read_size


def figure(width, height):
    return f"""<?xml version="1.0"?>
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}">
<path d="M 0 0"/></svg>"""


def test_the_size_of_a_drawing_is_read(tmp_path):
    (tmp_path / "f.svg").write_text(figure(530.994, 469.5))
    assert read_size(tmp_path / "f.svg") == (530.994, 469.5)


def test_a_drawing_without_a_size_is_named(tmp_path):
    (tmp_path / "f.svg").write_text("<svg></svg>")
    with pytest.raises(DataError, match=r"f\.svg: no viewBox"):
        read_size(tmp_path / "f.svg")


@pytest.mark.parametrize(("width", "wide"), [(WIDE - 1, False), (WIDE + 1, True)])
def test_a_figure_whose_text_would_be_too_small_takes_a_row(width, wide):
    assert FigureOnPage("f", "F", "", "f.svg", "f.csv", width, 200).is_wide is wide


def test_the_page_keeps_the_place_of_a_figure(tmp_path):
    index = make_site(tmp_path / "site", make_inputs(tmp_path / "inputs"))
    width, height = read_size(next(index.parent.glob("pages/figures/*.svg")))
    page = (index.parent / "pages/studies/a_study.html").read_text()
    assert f'width="{width:.0f}" height="{height:.0f}"' in page
    assert '<pre tabindex="0">=====' in page  # the values; the title stands above
