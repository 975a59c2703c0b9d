"""Texts that would do harm where they are shown or stored are refused with file and key."""

import pytest
from factories.configuration import CONFIG, edit, refusal

from elemflow.config.hostile import check_address, check_file_name, check_texts
from elemflow.config.load import load
from elemflow.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "found"),
    [("A</script><script>alert(1)</script>", "</script"), ("A </ SCRIPT >", "</ SCRIPT"), ("<!-- A", "<!--"),
     ("a\x07b", r"\x07"), ("\ud800", r"\ud800")],
)  # fmt: skip
def test_a_title_cannot_end_a_script_of_the_report(project, text, found):
    with pytest.raises(ConfigError) as caught:
        check_texts({"tables": {"t": {"rows": [{"label": text}]}}}, "config/studies/a.yaml")
    assert "config/studies/a.yaml: key 'tables.t.rows[0].label'" in str(caught.value)
    assert found in str(caught.value)
    edit(project, "datasets/kebg.yaml", lambda content: content.update(license="CC </script>"))
    assert "config/datasets/kebg.yaml: key 'license'" in refusal(project)


def test_other_markup_is_shown_as_it_is():
    check_texts({"title": "<b>a</b> & $x$ {y} \\alpha < b\nsecond line\tx"}, "a.yaml")


@pytest.mark.parametrize(
    ("address", "secret", "named"),
    [("https://me:s3cret@db.org/a.csv", "s3cret", "user or password"), ("http://me@db.org/a.csv", "me@", "user"),
     ("https://db.org/a.csv?token=s3cret", "s3cret", "'token'"), ("https://db.org/a.csv?x=1&X-Amz-Signature=s3cret", "s3cret", "Signature"),
     ("https://db.org/a.csv?api_key=s3cret", "s3cret", "api_key"), ("http://[::1/a.csv", "?", "no address")],
)  # fmt: skip
def test_credentials_of_an_address_are_refused_and_not_repeated(project, address, secret, named):
    source = {"kind": "table", "url": address}
    message = refusal(project, CONFIG | {"overrides": {"datasets": {"kebg": {"source": source}}}})
    assert "kebg.yaml" in message
    assert "key 'source.url'" in message
    assert named in message
    assert secret not in message
    assert secret not in refusal(project, CONFIG | {"mirror": address})


def test_addresses_without_credentials_pass():
    for address in ("https://db.org/files/1?format=csv&author=x", "data/a@b.csv", "https://db.org/~me/a@2.csv"):
        check_address(address, "a.yaml: key 'source.url'")


@pytest.mark.parametrize(
    "place", ["https://db.org/", "https://db.org/a/..", "https://db.org", "manifest.json", "x/retrieved.jsonl"]
)
def test_a_raw_file_has_a_name_of_its_own(project, place):
    with pytest.raises(ConfigError, match=r"a\.yaml: key 'source\.path'"):
        check_file_name(place, "a.yaml: key 'source.path'")
    source = {"kind": "table", "url" if "://" in place else "path": place, "format": "json"}
    assert "key 'source." in refusal(project, CONFIG | {"overrides": {"datasets": {"kebg": {"source": source}}}})


def test_everything_that_ships_passes(root):
    assert load({"studies": sorted(path.stem for path in (root / "config/studies").glob("*.yaml"))}, root)
