import os
from types import SimpleNamespace

import pytest

from elemflow.core.content import write_record
from elemflow.core.files import write_text
from elemflow.plan import reruns
from elemflow.plan.reruns import Product, is_old, keeps, stale


class Chain:
    """Raw file -> materials -> split -> run, each with a record."""

    def __init__(self, folder):
        self.folder = folder
        self.cfg = {"materials": 1, "split": 1, "run": 1}
        self.materials = self._product("materials", "raw", None)
        self.split = self._product("split", "materials", self.materials)
        self.run = self._product("run", "split", self.split)
        write_text(self.path("raw"), "raw")
        for name in ("materials", "split", "run"):
            self.write(name, f"{name} 1")

    def path(self, name):
        return str(self.folder / f"{name}.csv")

    def _product(self, name, source, origin):
        record = str(self.folder / f"{name}.provenance.json")
        return Product(record, lambda: self.cfg[name], lambda: [(self.path(source), origin)])

    def write(self, name, text, code="abc"):
        """Run the job of an output."""
        product = getattr(self, name)
        write_text(self.path(name), text)
        reruns.forget()
        inputs = [path for path, _ in product.inputs()]
        params = SimpleNamespace(cfg=self.cfg[name], code=code)
        write_record(product.record, params, inputs=inputs, outputs=[self.path(name)])
        reruns.forget()

    def old(self, name, source, origin):
        reruns.forget()
        return is_old(getattr(self, name), self.path(source), origin)


@pytest.fixture
def chain(tmp_path):
    return Chain(tmp_path)


def test_everything_is_old_after_a_build(chain):
    assert chain.old("materials", "raw", None)
    assert chain.old("split", "materials", chain.materials)
    assert chain.old("run", "split", chain.split)
    assert not stale([chain.materials, chain.split, chain.run])


def test_the_same_bytes_again_are_old(chain):
    chain.write("split", "split 1", code="new")
    assert chain.old("run", "split", chain.split)
    assert not stale([chain.run])


def test_other_bytes_are_not_old_and_make_what_was_made_of_them_stale(chain):
    chain.write("materials", "materials 2", code="new")
    assert not chain.old("split", "materials", chain.materials)
    assert not chain.old("run", "split", chain.split)  # since the split will be made again
    assert stale([chain.materials, chain.split, chain.run]) == [chain.split]


@pytest.mark.parametrize("name", ["materials", "split"])
def test_a_changed_setting_upstream_is_planned_through_at_once(chain, name):
    chain.cfg[name] = 2
    reruns.forget()
    assert not keeps(getattr(chain, name))
    assert not chain.old("run", "split", chain.split)


def test_nothing_is_old_without_a_record(chain):
    (chain.folder / "run.provenance.json").unlink()
    assert not chain.old("run", "split", chain.split)


def test_an_input_that_was_not_used_is_not_old(chain):
    write_text(chain.path("more"), "more")
    assert not chain.old("run", "more", None)


def later(path, seconds=5):
    state = os.stat(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + seconds * 10**9))


@pytest.mark.parametrize("text", ["split 7", "", None])
def test_what_was_edited_emptied_or_deleted_is_named_and_made_again(chain, caplog, text):
    if text is None:
        os.remove(chain.path("split"))
    else:
        write_text(chain.path("split"), text)
        later(chain.path("split"))
    forced = []
    reruns.on_damage(forced.append)
    assert not chain.old("split", "materials", chain.materials)
    assert forced == [chain.split.record]
    assert not chain.old("run", "split", chain.split)
    assert {record.args[0].name for record in caplog.records} == {"split.csv"}
    chain.write("split", "split 1")
    assert chain.old("split", "materials", chain.materials)
    assert chain.old("run", "split", chain.split)


def test_an_emptied_output_without_a_record_is_named_and_made_again(tmp_path, caplog):
    write_text(tmp_path / "folder/a.csv", "1")
    write_text(tmp_path / "folder/.snakemake_timestamp", "")
    write_text(tmp_path / "b.csv", "")
    forced = []
    reruns.on_damage(forced.append)
    for name in ("folder", "b.csv", "absent.csv", "b.csv"):
        reruns.make_emptied_again(str(tmp_path / name))
    assert forced == [str(tmp_path / "b.csv")]
    reruns.forget()
    write_text(tmp_path / "folder/below/c.csv", "")
    reruns.make_emptied_again(str(tmp_path / "folder"))
    assert forced[1:] == [str(tmp_path / "folder")]
    assert caplog.messages[-1] == f"{tmp_path}/folder/below/c.csv is empty; it is made again."
