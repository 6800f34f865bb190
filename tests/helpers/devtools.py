"""A headless Chromium in real time through its DevTools protocol: `--dump-dom` cannot wait for a camera."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--remote-debugging-port=0",
)  # fmt: skip


class Page:
    """A page's end of the protocol: a WebSocket (RFC 6455) of text frames."""

    def __init__(self, address: str) -> None:
        host, port, path = re.fullmatch(r"ws://([^:/]+):(\d+)(/.*)", address).groups()  # type: ignore[union-attr]
        self._socket = socket.create_connection((host, int(port)), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        while self._file.readline().strip():
            pass
        self._calls = 0

    def _send(self, text: bytes) -> None:
        size = bytes([0xFE]) + struct.pack(">H", len(text))  # masked, 16 bits of length
        self._socket.sendall(bytes([0x81]) + size + bytes(4) + text)

    def _receive(self) -> dict[str, Any]:
        data, last = b"", False
        while not last:
            first, second = self._file.read(2)
            last, length = bool(first & 0x80), second & 0x7F
            if length > 125:
                form, size = (">H", 2) if length == 126 else (">Q", 8)
                (length,) = struct.unpack(form, self._file.read(size))
            data += self._file.read(length)
        message: dict[str, Any] = json.loads(data)
        return message

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A method of the protocol, and what it answers."""
        self._calls += 1
        self._send(json.dumps({"id": self._calls, "method": method, "params": parameters}).encode())
        while (answer := self._receive()).get("id") != self._calls:
            pass
        result: dict[str, Any] = answer["result"]
        return result

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def too_wide(self, width: int, *, scheme: str = "light") -> str:
        """What sticks out to the right in a window so many pixels wide: an element's tag and id, or nothing."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        outside = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > wide + 1)"
        found: str = self.evaluate(
            "(wide => document.documentElement.scrollWidth <= wide ? '' : "
            f"({outside}.map(e => `${{e.tagName}}#${{e.id}}`).join(' ') || '?'))({width})"
        )
        return found

    def screenshot(self) -> bytes:
        """The whole page as a PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def wait_for(self, script: str, limit_s: float = 60) -> Any:
        """The value of an expression once it has one."""
        deadline = time.monotonic() + limit_s
        while (value := self.evaluate(script)) is None:
            assert time.monotonic() < deadline, f"{script} has no value after {limit_s} s"
            time.sleep(0.2)
        return value


@contextlib.contextmanager
def opened(chromium: str, address: str, profile: Path) -> Iterator[Page]:
    """A page in a browser of its own, with a camera that draws a test picture."""
    process = subprocess.Popen(
        [chromium, *FLAGS, f"--user-data-dir={profile}", address], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stderr is not None
    try:
        port = next(
            found[1]
            for line in process.stderr
            if (found := re.search(rb"DevTools listening on ws://[^:]+:(\d+)", line))
        )
        listing = f"http://127.0.0.1:{int(port)}/json/list"
        for _ in range(100):
            with urllib.request.urlopen(listing, timeout=10) as answer:
                pages = [
                    page for page in json.load(answer) if page["type"] == "page" and page["url"].startswith("file:")
                ]
            if pages:
                break
            time.sleep(0.2)
        yield Page(pages[0]["webSocketDebuggerUrl"])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
