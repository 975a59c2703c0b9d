"""Parameters of curation for plain wildcards."""

from factories.jobs import wildcards


def test_curation_does_not_depend_on_texts(wf, run):
    cfg, texts = wf.curation.cfg(wildcards(run)), wf.curation.texts(wildcards(run))
    assert not {"title", "license", "citation"} & set(cfg)
    assert all("title" not in declared for declared in cfg["properties"].values())
    assert "title" in texts
