"""A browser to look at pages with: chromium, driven by its DevTools protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 60  # seconds for one answer of the browser
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--lang=en-US",
    "--remote-debugging-port=0",
)


def program() -> str | None:
    """Where the browser is; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Seen:
    """What loading a page gave: the addresses asked for, and complaints."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Browser:
    """One tab of a running browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self._session: str | None = None
        self._seen = Seen()
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask(
            "Target.attachToTarget", targetId=target, flatten=True
        )["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._ask(f"{domain}.enable")

    def visit(self, address: str, width: int = 1280, *, dark: bool = False) -> Seen:
        """Loads a page at a width, and returns what that gave."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._seen = Seen()
        self._ask("Page.navigate", url=address)
        while self._receive().get("method") != "Page.loadEventFired":
            pass
        self.evaluate("document.fonts.ready.then(() => 1)")
        return self._seen

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401
        """The value of an expression in the page."""
        found = self._ask(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """Clicks the first element that a selector finds and waits for the page."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
        while self._receive().get("method") != "Page.loadEventFired":
            pass

    def picture(self, path: Path, width: int, height: int) -> None:
        """Writes the upper part of the page as PNG."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        found = self._ask(
            "Page.captureScreenshot",
            format="png",
            clip=clip,
            captureBeyondViewport=True,
        )
        path.write_bytes(base64.b64decode(found["data"]))

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {
            "id": self._number,
            "method": method,
            "params": parameters,
        }
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while (answer := self._receive()).get("id") != self._number:
            pass
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        message = json.loads(self._socket.recv(timeout=PATIENCE))
        said = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self._seen.requests.append(said["request"]["url"])
            case "Log.entryAdded":
                self._seen.complaints.append(said["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self._seen.complaints.append(str(said["args"]))
            case "Runtime.exceptionThrown":
                self._seen.complaints.append(str(said["exceptionDetails"]))
        return message


@contextmanager
def running() -> Iterator[Browser]:
    """A browser, for as long as the context lasts."""
    path = program()
    assert path is not None, "no chromium: ask program() first"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [path, *SWITCHES, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            address = next(
                line.rsplit(" ", 1)[1].strip()
                for line in process.stderr
                if line.startswith("DevTools listening on ")
            )
            with connect(address, max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
