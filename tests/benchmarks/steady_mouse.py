"""A mouse that keeps its rate: moves sent to Chromium without waiting for each to be handled."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import websocket

__all__ = ["SteadyMouse", "steady_mouse"]


class SteadyMouse:
    """Trusted mouse events of one page, through the DevTools protocol.

    Playwright's mouse waits for the page after every move, so a busy page would slow it down.

    Parameters
    ----------
    connection : WebSocket
        The page's DevTools connection.
    """

    def __init__(self, connection: websocket.WebSocket) -> None:
        self._connection = connection
        self._count = 0
        threading.Thread(target=self._drain, daemon=True).start()

    def drag(
        self, left: float, right: float, y: float, *, hz: float, seconds: float, period: float = 2
    ) -> float:
        """Drag to and fro between two places; return the moves sent per second.

        Parameters
        ----------
        left, right, y : float
            Places in the viewport, in CSS pixels.
        hz : float
            Moves per second.
        seconds : float
            Duration.
        period : float, default 2
            Seconds to the right and back.
        """
        self._send("mouseMoved", left, y, buttons=0)
        self._send("mousePressed", left, y, buttons=1)
        began = time.perf_counter()
        n_moves = round(hz * seconds)
        for i in range(1, n_moves + 1):
            wait = began + i / hz - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            share = 1 - abs((i / hz / period) % 1 * 2 - 1)
            self._send("mouseMoved", left + (right - left) * share, y, buttons=1)
        took = time.perf_counter() - began
        self._send("mouseReleased", left, y, buttons=0)
        return n_moves / took

    def _send(self, kind: str, x: float, y: float, *, buttons: int) -> None:
        self._count += 1
        button = "none" if kind == "mouseMoved" and not buttons else "left"
        params: dict[str, Any] = {"type": kind, "x": x, "y": y, "button": button}
        params |= {"buttons": buttons, "clickCount": int(kind != "mouseMoved")}
        message = {"id": self._count, "method": "Input.dispatchMouseEvent", "params": params}
        self._connection.send(json.dumps(message))

    def _drain(self) -> None:
        # Unread replies would fill the connection.
        with contextlib.suppress(websocket.WebSocketException, OSError):
            while self._connection.recv():
                pass


@contextlib.contextmanager
def steady_mouse(port: int, url: str) -> Iterator[SteadyMouse]:
    """Connect to the page with this address, in a Chromium with this debugging port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as reply:
        targets = json.load(reply)
    address = next(one["webSocketDebuggerUrl"] for one in targets if one["url"] == url)
    # Chromium refuses connections that name an origin.
    connection = websocket.create_connection(
        address, suppress_origin=True, http_no_proxy=["127.0.0.1"]
    )
    try:
        yield SteadyMouse(connection)
    finally:
        connection.close()
