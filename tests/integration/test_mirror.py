"""A machine without a network builds from the folder that another one filled."""

import functools
import http.server
import shutil
import threading

import pytest
from factories.tiny_project import TINY_DATASET

pytestmark = pytest.mark.workflow


def test_mirror_in_place_of_the_network(fresh, tmp_path, monkeypatch):
    monkeypatch.setenv("ELEMFLOW_ATTEMPTS", "1")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(fresh.folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/transport_sample.csv"
    fresh.declare("datasets/tiny", TINY_DATASET | {"source": {"kind": "table", "url": url}})
    fresh.run("mirror")
    server.shutdown()
    server.server_close()

    shutil.move(fresh.folder / "resources/raw", tmp_path / "mirror")
    assert "no connection" in fresh.run("data", expect=1)
    fresh.edit("config/config.yaml", "mirror: null", f"mirror: {tmp_path / 'mirror'}")
    fresh.run("data")
    assert (fresh.folder / "results/datasets/tiny/materials.parquet").is_file()
    # The data are the same from everywhere, so another place is no reason to fetch them again.
    fresh.edit("config/config.yaml", f"mirror: {tmp_path / 'mirror'}", "mirror: null")
    assert fresh.planned("--nocolor", "data") == set()
