"""Panel: the base of every widget, a view of one session that holds no state of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import pandas as pd
import traitlets

from tabwidget.session import Session
from tabwidget.widgets import _state
from tabwidget.widgets._feed import Batch, feed_of
from tabwidget.widgets._requests import answer_request
from tabwidget.widgets._static import static_html, static_text

__all__ = ["Panel"]

_STATIC = Path(__file__).parent / "static"
_VIEW = "application/vnd.jupyter.widget-view+json"

_UNBUILT = """
export default {
  render({ el }) {
    el.textContent = "tabwidget: the front end is not built. Run `npm ci && npm run build` in js/.";
  },
};
"""


def _asset(name: str, otherwise: str) -> str:
    path = _STATIC / name
    return path.read_text(encoding="utf-8") if path.is_file() else otherwise


class Panel(anywidget.AnyWidget):
    """A widget over one `Session`.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        A session is shared; anything else begins a new one.
    **choices
        Passed on to `Session.choose`.

    Attributes
    ----------
    session : Session
        Holds everything the panel shows.
    """

    _esm: ClassVar[str] = _asset("workbench.js", _UNBUILT)
    _css: ClassVar[str] = _asset("workbench.css", "")
    _drawn: ClassVar[tuple[str, ...]] = ()

    panels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    # The snapshot travels in three parts, so that an answer does not carry the table along.
    table = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    run = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    static_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, source: object = None, **choices: Any) -> None:
        self.session = source if isinstance(source, Session) else _new_session(source)
        if choices:
            self.session.choose(**choices)
        self._feed = feed_of(self.session)
        self._displays = 0
        self._picture = ""
        super().__init__(panels=list(self._drawn), **_in_parts(self._feed.snapshot()))
        self.static_id = self.model_id or ""
        self.on_msg(self._on_message)
        self._feed.attach(self)

    def close(self) -> None:
        """Take the widget out of the page; the session lives on."""
        # `close` also runs when a widget is deleted that never came to be.
        feed = getattr(self, "_feed", None)
        if feed is not None:
            feed.detach(self)
        super().close()

    def receive_batch(self, batch: Batch) -> None:
        """Send one numbered batch of a run to the browser."""
        message, buffers = batch
        self.send(message, list(buffers))

    def receive_snapshot(self, snapshot: dict[str, Any]) -> None:
        """Bring the traits up to date; those that did not change are not sent."""
        with self.hold_sync():
            for name, part in _in_parts(snapshot).items():
                setattr(self, name, part)

    @property
    def snapshot(self) -> dict[str, Any]:
        """Everything the panel draws, as plain data."""
        return {**self.state, "table": self.table, "run": self.run}

    def refresh_picture(self) -> None:
        """Bring the static picture, where it is displayed, up to date."""
        if not self._displays:
            return
        picture = static_html(self.snapshot, self.static_id)
        if picture != self._picture:
            self._picture = picture
            self._publish_picture(update=True)
            # A page that was reloaded knows the display no more, but still knows the widget.
            self.send({"type": "picture", "html": picture, "text": static_text(self.snapshot)})

    def _on_message(self, _widget: object, content: Any, buffers: list[Any]) -> None:
        if not isinstance(content, dict) or "kind" not in content or "id" not in content:
            return
        if content["kind"] == "anywidget-command":
            return
        reply = answer_request(self.session, self._feed, content, buffers)
        self.send(reply.message, list(reply.buffers))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = self._view_bundle(**kwargs)
        data["text/html"] = static_html(self.snapshot)
        return data, metadata

    def _view_bundle(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/plain": static_text(self.snapshot)}, dict(metadata)

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Display the widget, and behind it the picture for when there is no kernel."""
        from IPython.display import display

        data, metadata = self._view_bundle()
        display(data, metadata=metadata, raw=True)
        self._picture = static_html(self.snapshot, self.static_id)
        self._publish_picture(update=False)
        self._displays += 1

    def _publish_picture(self, *, update: bool) -> None:
        from IPython.display import publish_display_data

        # Outside a notebook there is nobody to publish to, and nothing is lost.
        with contextlib.suppress(RuntimeError, OSError):
            publish_display_data(
                {"text/html": self._picture, "text/plain": static_text(self.snapshot)},
                transient={"display_id": f"tabwidget-{self.static_id}"},
                update=update,
            )


def _in_parts(snapshot: dict[str, Any]) -> dict[str, Any]:
    state = {key: part for key, part in snapshot.items() if key not in ("table", "run")}
    return {"table": snapshot["table"], "run": snapshot["run"], "state": state}


def _new_session(source: Any) -> Session:
    if isinstance(source, pd.DataFrame):
        for name, frame in _state.user_frames().items():
            if frame is source:
                return Session(source, name=name)
    return Session(source)
