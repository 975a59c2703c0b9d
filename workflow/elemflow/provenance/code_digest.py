"""Digest of the code behind a job: its script and the definitions that the script can reach.

Passed to rules as a parameter in place of Snakemake's `code` trigger, it makes an edit rerun exactly the jobs that use
the edited code. Comments, docstrings, formatting, messages and file times do not count, nor do the names and places of
modules, functions and constants (`elemflow.provenance.code_units`). Of a module only those functions and classes count
that are reached, and what it does when it is imported. Modules that the config names count whole; whoever imports a
module by a computed name must hand it over as one of them.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Self

from elemflow.core.files import sha256_file
from elemflow.provenance.code_units import Package
from elemflow.provenance.known_digests import KnownDigests, key_of
from elemflow.provenance.unit_writer import Key, Unit

PACKAGE = "elemflow"
UNDIGESTED = {
    "elemflow.core.content",
    "elemflow.core.logs",
    "elemflow.provenance.energy",
    "elemflow.provenance.environment",
    "elemflow.provenance.run_info",
    "elemflow.reporting.finished_run",
    "elemflow.training.packing",
}
"""Modules that decide no number of a result: what is logged, measured and noted about a job, and who trains it."""


class CodeDigest(str):
    """A digest that can be taken again by the job which it was handed to.

    Attributes:
        origin: Arguments of `code_digest`.
    """

    __slots__ = ("origin",)
    origin: tuple[Any, ...]

    @classmethod
    def of(
        cls,
        script: Path,
        package_root: Path,
        modules: tuple[str, ...] = (),
        files: tuple[Path, ...] = (),
        known: Path | None = None,
    ) -> Self:
        """Return the digest of a script; see `code_digest`."""
        found = cls(code_digest(script, package_root, modules, files, known))
        found.origin = (script, package_root, modules, files, known)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (str(self), self.origin)

    def is_of_now(self) -> bool:
        """Return whether the code is still the same."""
        forget()
        return code_digest(*self.origin) == self


def _restored(text: str, origin: tuple[Any, ...]) -> CodeDigest:
    found = CodeDigest(text)
    found.origin = origin
    return found


@cache
def code_digest(
    script: Path,
    package_root: Path,
    modules: tuple[str, ...] = (),
    files: tuple[Path, ...] = (),
    known: Path | None = None,
) -> str:
    """Return 16 hexadecimal digits that identify what `script` computes.

    Args:
        script: The entry script.
        package_root: Folder that holds the package.
        modules: Names of modules that the script imports by name from the config.
        files: Further Python files that the config makes the script run, and files of data that they read.
        known: Folder of digests that were taken before; None to take it in any case.

    Raises:
        FileNotFoundError: One of `modules` is no module of the package.
    """
    if known is None:
        return _take(script, package_root, modules, files)
    digests, key = _known(known, package_root), key_of(script, modules, files)
    found = digests.find(key)
    if found is None:
        found = _take(script, package_root, modules, files)
        if key_of(script, modules, files) == key:  # no edit meanwhile
            digests.keep(key, found)
    return found


def _take(script: Path, package_root: Path, modules: tuple[str, ...], files: tuple[Path, ...]) -> str:
    package = _package(package_root)
    python = [path for path in (script, *files) if path.suffix == ".py"]
    roots = [Key(package.add(path), "*") for path in python] + [Key(name, "*") for name in modules]
    closure = Closure(package, roots)
    digest = hashlib.sha256(closure.digest(roots).encode())
    # Sorted, since the order of imports follows the names of modules.
    for each in sorted(closure.digest([Key(module, "!")]) for module in closure.modules):
        digest.update(each.encode())
    for path in sorted({*files} - {*python}):
        digest.update(f"{path.name}\n{sha256_file(path)}\n".encode())
    for path in _templates(package, closure):
        digest.update(f"{path.name}\n{path.read_text(encoding='utf-8')}\n".encode())
    return digest.hexdigest()[:16]


def _templates(package: Package, closure: "Closure") -> list[Path]:
    """Return the files next to a module that is reached by its constant `TEMPLATES`, in the folder of that name."""
    files = [package.file_of(module) for module, name in closure.units if name == "TEMPLATES"]
    return sorted(path for file in files if file for path in (file.parent / "templates").iterdir())


def forget() -> None:
    """Forget what was read."""
    code_digest.cache_clear()
    _package.cache_clear()
    _known.cache_clear()


@cache
def _package(root: Path) -> Package:
    return Package(root, PACKAGE)


@cache
def _known(folder: Path, root: Path) -> KnownDigests:
    return KnownDigests(folder, root / PACKAGE)


class Closure:
    """Every unit that some units reach.

    Attributes:
        units: The units by their keys.
        modules: Modules that are imported on the way and do something when they are.
    """

    def __init__(self, package: Package, roots: Iterable[Key]):
        self._package = package
        self.units: dict[Key, Unit] = {}
        roots = list(roots)
        modules = self._imported([root.module for root in roots])
        self.modules = [name for name in modules if package.module(name).effects]
        self._words: set[str] = set()
        self._waiting: dict[str, list[Key]] = {}
        self._reach([*roots, *(Key(name, "!") for name in self.modules)])

    def _imported(self, names: list[str]) -> list[str]:
        """Return all modules that are imported with some modules, those included."""
        found: dict[str, None] = {}
        left = names[::-1]
        while left:
            name = left.pop()
            if name not in found and name not in UNDIGESTED:
                found[name] = None
                left += self._package.module(name).imported
        return list(found)

    def _reach(self, keys: list[Key]) -> None:
        left = keys
        while left:
            key = left.pop()
            if key in self.units or not key.module or key.module in UNDIGESTED:
                continue
            unit = self._package.module(key.module).unit(key.name)
            self.units[key] = unit
            left += [*unit.references, *unit.silent]
            for method in unit.methods:
                name = method.name.partition(".")[2]
                if name in self._words:
                    left.append(method)
                else:
                    self._waiting.setdefault(name, []).append(method)
            for word in unit.words - self._words:
                self._words.add(word)
                left += self._waiting.pop(word, [])

    def digest(self, roots: Iterable[Key]) -> str:
        """Return the digest of what some units reach; it does not depend on their names."""
        digest = hashlib.sha256()
        numbers: dict[Key, int] = {}
        queue = list(roots)
        for key in queue:
            numbers.setdefault(key, len(numbers))
        position = 0
        while position < len(queue):
            key = queue[position]
            position += 1
            unit = self.units.get(key)
            if unit is None:
                digest.update(b"outside\n")
                continue
            used = [*unit.references, *unit.silent, *(method for method in unit.methods if method in self.units)]
            for each in used:
                if each not in numbers:
                    numbers[each] = len(numbers)
                    queue.append(each)
            digest.update(f"{unit.text} {[numbers[each] for each in used]}\n".encode())
        return digest.hexdigest()
