"""A local server that plays the Materials Project, figshare, OQMD, AFLUX and OPTIMADE, and misbehaves on command."""

import io
import json
import re
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "k3Y0123456789abcdefABCDEF9876543"
Trouble = Callable[["Handler", bytes], None]


class FakeDatabases:
    """The server and its contents, which tests may change.

    Attributes:
        entries: Number of entries in each database.
        files: Content of `/files/<id>`, served through a redirect as figshare does.
        articles: What figshare states about the files of an article.
        requests: Path and query of every request, in order.
        headers: Headers of every request, in order.
        oqmd_broken: Rows of OQMD whose sites its serializer cannot print; nor their ids with `oqmd_broken_ids`.
        oqmd_limit: Most rows with sites that OQMD prints before the proxy in front of it gives up.
        troubles: By request number (from 0) or by a text in the address: what to do instead of answering.
    """

    def __init__(self) -> None:
        self.entries = 10
        self.total_grows = 0
        self.aflux_counts = False
        self.optimade_objects = False
        self.oqmd_broken: set[int] = set()
        self.oqmd_broken_ids = False
        self.oqmd_limit = 10**6
        self.files: dict[str, bytes] = {}
        self.articles: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.troubles: dict[int | str, list[Trouble]] = {}
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"databases": self}))
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def trouble(self, where: int | str, *troubles: Trouble) -> None:
        """Do these things, one per request, when a request has this number or this text in its address."""
        self.troubles[where] = list(troubles)

    def pop_requests(self, text: str) -> list[str]:
        """Return the requests whose address has a text in it, and forget all."""
        found = [request for request in self.requests if text in request]
        self.requests.clear()
        return found

    def total(self) -> int:
        """Return how many entries there are; between two requests there may come new ones."""
        self.entries += self.total_grows
        return self.entries


class Handler(BaseHTTPRequestHandler):
    """Answers as the databases do."""

    databases: FakeDatabases
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        number = len(self.databases.requests)
        self.databases.requests.append(self.path)
        self.databases.headers.append(dict(self.headers))
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        routes: dict[str, Callable[[str, dict[str, str]], bytes | None]] = {
            "/heartbeat": self._heartbeat,
            "/materials/summary/": self._summary,
            "/files/": self._redirect,
            "/v2/articles/": self._article,
            "/stored/": self._file,
            "/oqmdapi/formationenergy": self._oqmd,
            "/API/aflux/": self._aflux,
            "/optimade/v1/structures": self._optimade,
        }
        answer = next(route for start, route in routes.items() if url.path.startswith(start))
        body = answer(url.path if "aflux" not in url.path else unquote(url.query), query)
        if body is None:  # answered already
            return
        for where, troubles in self.databases.troubles.items():
            if troubles and (where == number if isinstance(where, int) else where in unquote(self.path)):
                troubles.pop(0)(self, body)
                return
        # AFLUX is written in PHP, which names this type by default.
        kinds = {"/stored": "application/zip", "/API/aflux": "text/html; charset=UTF-8"}
        kind = next((kind for start, kind in kinds.items() if url.path.startswith(start)), "application/json")
        self.send(200, body, kind)

    def send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | named).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass

    # Materials Project

    def _heartbeat(self, path: str, query: dict[str, str]) -> bytes:
        return dump(
            {
                "status": "OK",
                "version": "0.87.0",
                "db_version": "2025_11_15",
                "access_controlled_batch_ids": ["gnome_r2scan_statics"],
            }
        )

    def _summary(self, path: str, query: dict[str, str]) -> bytes | None:
        if self.headers.get("x-api-key") != KEY:
            # Careless services repeat what they were sent.
            self.send(403, dump({"detail": f"Forbidden for {self.headers.get('x-api-key')}"}))
            return None
        found = [material(i) for i in range(self.databases.total())]
        found = [m for m in found if int(query["nelements_min"]) <= m["nelements"] <= int(query["nelements_max"])]
        if query.get("batch_id_not_eq"):
            found = [m for m in found if m["batch_id"] != query["batch_id_not_eq"]]
        if query["deprecated"].lower() == "false":
            found = [m for m in found if not m["deprecated"]]
        found.sort(key=lambda m: m[query["_sort_fields"]])
        size = int(query["_per_page"])
        skip = (int(query["_page"]) - 1) * size
        fields = query["_fields"].split(",")
        page = [{name: m[name] for name in fields if m.get(name) is not None} for m in found[skip : skip + size]]
        meta = {
            "api_version": "0.86.3",
            "time_stamp": "2026-11-20T10:00:00",
            "total_doc": len(found),
            "max_limit": 1000,
        }
        return dump({"data": page, "meta": meta})

    # figshare

    def _redirect(self, path: str, query: dict[str, str]) -> None:
        number = path.rsplit("/", 1)[-1]
        if number not in self.databases.files:
            self.send(404, b"no such file", "text/plain")
            return
        self.send(302, b"", Location=f"{self.databases.url}/stored/{number}/data?X-Amz-Signature=secret")

    def _article(self, path: str, query: dict[str, str]) -> bytes:
        return dump(self.databases.articles)

    def _file(self, path: str, query: dict[str, str]) -> bytes:
        return self.databases.files[path.split("/")[2]]

    # OQMD

    def _oqmd(self, path: str, query: dict[str, str]) -> bytes | None:
        total = self.databases.total()
        wanted = re.findall(r'(\w+)([=>])"?([^" ]+)"?', query.get("filter", ""))
        outside = query.get("icsd") == "False"
        found = [hypothetical(i) for i in range(3)] if outside else [calculation(i) for i in range(total)]
        for key, sign, value in wanted:
            found = [c for c in found if (c[key] > int(value) if sign == ">" else str(c[key]) == value)]
        offset, limit = int(query["offset"]), int(query["limit"])
        page = found[offset : offset + limit]
        fields = query["fields"].split(",")
        heavy = "sites" in fields or self.databases.oqmd_broken_ids
        if heavy and self.databases.oqmd_broken & set(range(offset, offset + limit)):
            self.send(500, b"<h1>Server Error (500)</h1>", "text/html")
            return None
        if heavy and limit > self.databases.oqmd_limit:
            self.send(504, b"<html><h1>504 Gateway Time-out</h1></html>", "text/html")
            return None
        following = None
        if offset + limit < len(found):
            # The real server names its own host here, whatever address was requested.
            following = f"http://oqmd.invalid/oqmdapi/formationenergy?limit={limit}&offset={offset + limit}"
        return dump(
            {
                "links": {"next": following, "previous": None, "base_url": {"meta": {"_oqmd_version": "1.0"}}},
                "resource": {},
                "data": [{name: c[name] for name in fields} for c in page],
                "meta": {"data_returned": len(page), "data_available": len(found), "more_data_available": True},
                "response_message": "OK",
            }
        )

    # AFLUX

    def _aflux(self, matchbook: str, query: dict[str, str]) -> bytes:
        number, size = map(int, re.search(r"\$paging\((-?\d+),(\d+)\)", matchbook).groups())  # type: ignore[union-attr]
        catalog = re.search(r"catalog\((\w+)\)", matchbook)
        found = [alloy(i) for i in range(self.databases.total())]
        found = [a for a in found if not catalog or f"_{catalog[1]}_" in a["aurl"]]
        species = re.search(r"species\((\w+)\)", matchbook)
        found = [a for a in found if not species or species[1] in a["species"]]
        start = (number - 1) * size
        page = found[start : start + size]
        if not self.databases.aflux_counts:
            return dump(page)
        texts = [{name: v if isinstance(v, list) else str(v) for name, v in row.items()} for row in page]
        return dump({f"{start + i} of {len(found)}": row for i, row in enumerate(texts, start=1)})

    # OPTIMADE

    def _optimade(self, path: str, query: dict[str, str]) -> bytes:
        found = [calculation(i) for i in range(self.databases.total())]
        start, size = int(query.get("page_offset", 0)), int(query["page_limit"])
        link = f"{self.databases.url}{path}?page_limit={size}&page_offset={start + size}"
        following: Any = link if start + size < len(found) else None
        data = [
            {
                "id": str(c["entry_id"]),
                "type": "structures",
                "attributes": {"chemical_formula_reduced": c["name"], "_oqmd_delta_e": c["delta_e"]},
            }
            for c in found[start : start + size]
        ]
        return dump(
            {
                "data": data,
                "links": {"next": {"href": following} if following and self.databases.optimade_objects else following},
                "meta": {"data_returned": len(found), "more_data_available": following is not None},
            }
        )


METALS = ("Li", "Na", "K", "Rb", "Mg", "Ca", "Sr", "Ba", "Al", "Ga")


def material(i: int) -> dict[str, Any]:
    """Return an entry of the Materials Project, some with fields that are absent or null."""
    formula = METALS[i % 10] if i % 5 == 0 else f"{METALS[i % 10]}{i + 1}O"
    return {
        "material_id": f"mp-{i}",
        "formula_pretty": formula,
        "nelements": 1 if i % 5 == 0 else 2,
        "band_gap": None if i % 4 == 3 else i / 10,
        "bulk_modulus": {"voigt": 1.0, "reuss": 2.0, "vrh": 100.0 + i} if i % 2 else None,
        "structure": {"@module": "pymatgen.core.structure", "@class": "Structure", "sites": [], "n": i},
        "deprecated": i % 10 == 8,
        "batch_id": "gnome_r2scan_statics" if i % 10 == 7 else "mp",
    }


def calculation(i: int) -> dict[str, Any]:
    """Return an entry of OQMD; two calculations in ten are of one entry."""
    metal, atoms = METALS[i % 10], i + 2
    symbols = [metal] * (i + 1) + ["O"]
    return {
        "name": f"{metal}{i + 1}O",
        "entry_id": 1000 + (i - 1 if i % 10 == 9 else i),
        "formationenergy_id": 5000 + i,
        "icsd_id": 20 + i,
        "ntypes": 2 + i % 2,
        "natoms": atoms,
        "volume": (10 + i / 2) * atoms,
        "spacegroup": "Fm-3m",
        "prototype": None,
        "delta_e": -i / 7,
        "stability": 0.0,
        "band_gap": 0.0,
        "unit_cell": [[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, (10 + i / 2) * atoms / 9]],
        # As qmpy prints them: three significant digits.
        "sites": [f"{symbol} @ 0 0.5 {place / atoms:0.3g}" for place, symbol in enumerate(symbols)],
    }


def hypothetical(i: int) -> dict[str, Any]:
    """Return a compound of OQMD that is not of the ICSD, one per prototype of irnet2019's Table 5."""
    group, generic, symbols = (
        ("Pm-3m", "AB", ["Li", "Hg"]),
        ("P4/mmm", "AB", ["Na", "Au"]),
        ("Pnma", "ABC3", ["K"] * 4 + ["Ti"] * 4 + ["O"] * 12),
    )[i]
    atoms = len(symbols)
    return calculation(i) | {
        "name": ("LiHg", "NaAu", "KTiO3")[i],
        "entry_id": 2000 + i,
        "formationenergy_id": 6000 + i,
        "icsd_id": None,
        "ntypes": len(set(symbols)),
        "natoms": atoms,
        "volume": 15 * atoms,
        "spacegroup": group,
        "generic": generic,
        "unit_cell": [[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 15 * atoms / 9]],
        "sites": [f"{symbol} @ 0 0.5 {place / atoms:0.3g}" for place, symbol in enumerate(symbols)],
    }


def alloy(i: int) -> dict[str, Any]:
    """Return an entry of AFLOWLIB."""
    catalog = "LIB2" if i % 2 else "ICSD"
    return {
        "compound": f"{METALS[i % 10]}{i + 1}O1",
        "auid": f"aflow:{i:016x}",
        "aurl": f"aflowlib.duke.edu:AFLOWDATA/_{catalog}_/{i}",
        "enthalpy_formation_atom": -i / 9,
        "volume_atom": 12.5,
        "density": 3.5,
        "energy_atom": -4.5,
        **({"Egap": 1.25} if i % 3 == 0 else {}),
        "species": [METALS[i % 10], "O"],
    }


def jarvis_zip(rows: list[dict[str, Any]], member: str) -> bytes:
    """Return a file as JARVIS puts them on figshare."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(member), json.dumps(rows))
    return buffer.getvalue()


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


# What can go wrong.


def busy(handler: Handler, body: bytes) -> None:
    """Request a pause, of no length."""
    handler.send(429, b'{"error": "too many requests"}', Retry_After="0")


def bad_gateway(handler: Handler, body: bytes) -> None:
    """Answer as a proxy does while the service is down."""
    handler.send(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html")


def robot_wall(handler: Handler, body: bytes) -> None:
    """Answer as figshare does to scripts."""
    handler.send(202, b"<!DOCTYPE html><p>Are you a robot?", "text/html")


def web_page(handler: Handler, body: bytes) -> None:
    """Send a page of maintenance with a status of success."""
    handler.send(200, b"<!DOCTYPE html><p>Maintenance", "text/html")


def truncated(handler: Handler, body: bytes) -> None:
    """Stop before the announced end."""
    handler.send(200, body[: len(body) // 2], Content_Length=str(len(body)))
    hang_up(handler)


def cut_silently(handler: Handler, body: bytes) -> None:
    """Send half and call it the whole."""
    handler.send(200, body[: len(body) // 2])


def reset(handler: Handler, body: bytes) -> None:
    """Break the connection."""
    hang_up(handler)


def drip(handler: Handler, body: bytes) -> None:
    """Send a byte now and then."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for byte in body[:40]:
        handler.wfile.write(bytes([byte]))
        sleep(0.02)
    hang_up(handler)


def null(handler: Handler, body: bytes) -> None:
    """Answer as AFLUX does after an error inside."""
    handler.send(200, b"Notice: Undefined index null", "text/plain")


def json_as_html(handler: Handler, body: bytes) -> None:
    """Send what is right under the type that PHP names by default."""
    handler.send(200, body, "text/html; charset=UTF-8")


def db_fail(handler: Handler, body: bytes) -> None:
    """Answer as AFLUX does when its database fails."""
    handler.send(200, b"DB Fail!null", "text/html; charset=UTF-8")


def forbidden(handler: Handler, body: bytes) -> None:
    """Refuse a page as optimade-python-tools does."""
    detail = "Max allowed page_limit is 500, you requested 1000"
    handler.send(403, dump({"errors": [{"status": "403", "title": "Forbidden", "detail": detail}], "meta": {}}))


def answer(change: Callable[[Any], Any]) -> Trouble:
    """Change the document that would have been sent."""

    def send(handler: Handler, body: bytes) -> None:
        handler.send(200, dump(change(json.loads(body))))

    return send


def hang_up(handler: Handler) -> None:
    handler.close_connection = True
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def running() -> Iterator[FakeDatabases]:
    """Run the server for the length of a block."""
    databases = FakeDatabases()
    try:
        yield databases
    finally:
        databases.http.shutdown()
        databases.http.server_close()
