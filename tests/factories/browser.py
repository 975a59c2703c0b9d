"""Chromium without a window, driven through the DevTools protocol over a pair of pipes: no package is needed."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 120  # seconds for one answer, on a busy machine


class Browser:
    """One page of a browser; `messages` has every error and warning of its console since the last `open`."""

    def __init__(self, folder: Path):
        to_browser, from_browser = os.pipe(), os.pipe()
        switches = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                    "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={folder}", "about:blank"]  # fmt: skip
        # The browser reads from descriptor 3 and writes to 4.
        command = f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
        self.process = subprocess.Popen(
            ["bash", "-c", command, "bash", CHROMIUM, *switches],
            pass_fds=(to_browser[0], from_browser[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._to, self._from = to_browser[1], from_browser[0]
        self._number, self._rest, self._session = 0, b"", None
        self.messages: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        os.close(self._to)
        os.close(self._from)

    def look(self, width: int, height: int = 800, *, dark: bool = False) -> None:
        """Set the size of the window and the theme of the reader."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[theme])

    def open(self, page: Path | str) -> None:
        """Open a page from its file, and wait until it is loaded."""
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self._call("Page.navigate", url="about:blank")
        self.messages = []
        self._call("Page.navigate", url=address)
        end = time.monotonic() + PATIENCE
        while self.run("[location.href, document.readyState].join()") != f"{address},complete":
            assert time.monotonic() < end, f"{address} does not load"
            time.sleep(0.02)

    def run(self, script: str):
        """Return the value of an expression in the page."""
        found = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        about = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", **about)

    def accessible(self) -> list[tuple[str, str]]:
        """Return role and name of every node that is read aloud."""
        self._call("Accessibility.enable")
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")
        ]

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Write a picture of the page."""
        shown = self._call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        file.write_bytes(base64.b64decode(shown))

    def _call(self, method: str, **params):
        self._number += 1
        number = self._number
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps({"id": number, "method": method, "params": params} | session).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while (message := self._read(end)).get("id") != number:
            pass
        assert "error" not in message, (method, message["error"])
        return message["result"]

    def _read(self, end: float) -> dict:
        """Return the next message; note errors of the page."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            more = os.read(self._from, 1 << 20)
            assert more, "the browser has ended"
            self._rest += more
        first, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(first)
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.messages.append(params["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.messages.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.messages.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and params["request"]["url"].startswith(("http:", "https:", "ws")):
            self.messages.append(f"loads {params['request']['url']}")
        return message
