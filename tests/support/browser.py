"""Chromium without a window, told what to do over its DevTools protocol."""

import asyncio
import base64
import shutil
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from aiohttp import ClientWebSocketResponse

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--remote-debugging-port=0",
)  # fmt: skip
_LISTENS = "DevTools listening on "
_LARGEST_MESSAGE = 2**26


def find_browser() -> str | None:
    """Path of a Chromium on this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """A page in a browser."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.complaints: list[str] = []

    async def open(self, file: Path, fragment: str = "") -> None:
        """Open a file and wait until its script says that it is ready."""
        await self.ask("Runtime.enable")
        await self.ask("Log.enable")
        await self.ask("Page.navigate", url=f"{file.as_uri()}{fragment}")
        ready = "document.documentElement?.dataset.ready === 'yes'"
        loaded = (
            f"new Promise(done => {{ const look = () => {ready} ? done(true) : requestAnimationFrame(look); look() }})"
        )
        assert await self.run(loaded)

    async def run(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, awaited where it is a promise."""
        told = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def text(self, selector: str) -> str:
        """Return what an element shows."""
        return str(await self.run(f"document.querySelector({selector!r}).innerText"))

    async def move(self, selector: str) -> tuple[float, float]:
        """Move the mouse to the middle of an element; return where that is."""
        box = await self.run(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await self.mouse("mouseMoved", x, y)
        return x, y

    async def click(self, selector: str) -> None:
        """Click on the middle of an element."""
        x, y = await self.move(selector)
        for kind in ("mousePressed", "mouseReleased"):
            await self.mouse(kind, x, y, button="left", clickCount=1)

    async def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Do something with the mouse."""
        await self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    async def key(self, name: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            await self.ask("Input.dispatchKeyEvent", type=kind, key=name)

    async def like(self, scheme: str) -> None:
        """Be a reader who likes ``light`` or ``dark``."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.ask("Emulation.setEmulatedMedia", features=[feature])

    async def photograph(self) -> bytes:
        """Return what is seen, as a PNG."""
        return base64.b64decode((await self.ask("Page.captureScreenshot", format="png"))["data"])

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its answer; what the page complains of meanwhile is kept."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async for message in self._socket:
            told = message.json()
            if told.get("id") == number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            if told.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.complaints.append(str(told["params"]))
        raise AssertionError(f"the browser ended before it answered {method}")


@asynccontextmanager
async def browser_page(home: Path, *, width: int = 1400, height: int = 900) -> AsyncIterator[Page]:
    """A browser with one empty page; nothing of it is left. ``home`` becomes its profile."""
    program = find_browser()
    assert program is not None
    arguments = [*_FLAGS, f"--user-data-dir={home}", f"--window-size={width},{height}", "about:blank"]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        assert process.stderr is not None
        address = await _address(process.stderr)
        async with ClientSession() as session:
            async with session.get(f"http://{address}/json/list") as answer:
                (target,) = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=_LARGEST_MESSAGE) as socket:
                yield Page(socket)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def _address(said: asyncio.StreamReader) -> str:
    lines = []
    async for line in said:
        lines.append(line.decode())
        if _LISTENS in lines[-1]:
            return lines[-1].split("ws://")[1].partition("/")[0]
    raise AssertionError(f"the browser did not start: {''.join(lines)}")
