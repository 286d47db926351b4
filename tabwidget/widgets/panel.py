"""Panel: the base of every widget, a view of one session that holds no state of its own."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import pandas as pd
import traitlets

from tabwidget.session import Session
from tabwidget.widgets.bundle import bundled
from tabwidget.widgets.feed import Batch, feed_of
from tabwidget.widgets.frames import name_of
from tabwidget.widgets.protocol import Handler, State, answer_request
from tabwidget.widgets.registry import handlers, panel_classes
from tabwidget.widgets.shared_traits import SharedTraits
from tabwidget.widgets.static_html import static_html, static_text

if TYPE_CHECKING:
    from tabwidget.widgets.feed import Feed

__all__ = ["Panel"]

# Feeds whose pictures are brought up to date at the end of each cell.
_flushed: weakref.WeakSet[Feed] = weakref.WeakSet()


class Panel(SharedTraits, anywidget.AnyWidget):
    """A widget over one `Session`.

    A subclass in the folder ``panels`` is one region of the workbench: it declares its slice of
    the state, the requests it handles and its static view. Its front end has the same name in
    ``js/src/panels``. The state travels as one trait per slice, so that a change sends only the
    slices that depend on it.

    Parameters
    ----------
    source : Session, DataFrame, str, path or Table, optional
        A session is shared; anything else starts a new one.
    **settings
        Passed on to `Session.choose`.

    Attributes
    ----------
    session : Session
        Holds everything the panel shows.
    name : str
        Name of the panel, of its slice and of its front end.
    order : int
        Place in the workbench.
    asks : bool
        Whether it queries the fitted model: of these panels only the task's is shown.
    topics : frozenset of str
        The session's notifications after which the slice is made anew.
    live : bool
        Whether the slice also changes during training.
    handlers : dict of str to callable
        Handlers of the panel's requests, by kind.
    """

    _esm: ClassVar[str] = bundled("workbench.js")
    _css: ClassVar[str] = bundled("workbench.css")

    name: ClassVar[str] = ""
    order: ClassVar[int] = 0
    asks: ClassVar[bool] = False
    topics: ClassVar[frozenset[str]] = frozenset()
    live: ClassVar[bool] = False
    handlers: ClassVar[Mapping[str, Handler]] = {}

    panels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    python = traitlets.Unicode().tag(sync=True)
    framed = traitlets.Bool(default_value=False).tag(sync=True)
    static_id = traitlets.Unicode().tag(sync=True)

    @classmethod
    def slice(cls, feed: Feed) -> State:
        """Return the panel's slice of the state, JSON-safe; the session's lock is held."""
        raise NotImplementedError

    @classmethod
    def static(cls, slices: Mapping[str, State]) -> str:
        """Return the panel as HTML that needs no kernel; empty if there is nothing to show."""
        return ""

    @classmethod
    def summary(cls, slices: Mapping[str, State]) -> str:
        """Return the panel in a few words of plain text."""
        return ""

    @classmethod
    def drawn(cls) -> list[str]:
        """Return the names of the panels that the widget draws."""
        return [cls.name]

    def __init__(self, source: object = None, **settings: Any) -> None:
        self.session = source if isinstance(source, Session) else _new_session(source)
        if settings:
            self.session.choose(**settings)
        self._feed = feed_of(self.session)
        self._displays = 0
        self._closed = False
        self._picture = ""
        traits = {slice_trait(name): traitlets.Dict().tag(sync=True) for name in panel_classes()}
        self.add_traits(**traits)
        slices = {slice_trait(name): part for name, part in self._feed.refresh().items()}
        super().__init__(panels=self.drawn(), python=self._feed.python, **slices)
        self.static_id = self.model_id or ""
        self.follow(self._feed.slices)
        self.on_msg(self._on_message)
        self._feed.attach(self)

    def close(self) -> None:
        """Remove the widget from the page; the session lives on, and a new panel can show it."""
        self._closed = True
        # `close` also runs when a widget whose construction failed is deleted.
        feed = getattr(self, "_feed", None)
        if feed is not None:
            feed.detach(self)
        super().close()
        # ipywidgets hides the method, so that nothing would be displayed.
        self.__dict__.pop("_repr_mimebundle_", None)

    def receive_batch(self, batch: Batch) -> None:
        """Send one numbered batch of a run to the front end."""
        if self._closed:
            return
        message, buffers = batch
        self.send(message, list(buffers))

    def receive_slices(self, slices: Mapping[str, State], python: str) -> None:
        """Update the traits of slices that changed."""
        if self._closed:  # while the feed was about to send
            return
        with self.hold_sync():
            for name, part in slices.items():
                setattr(self, slice_trait(name), part)
            self.python = python
            self.follow(slices)

    @property
    def slices(self) -> dict[str, State]:
        """The state the widget draws, by panel."""
        return {name: getattr(self, slice_trait(name)) for name in panel_classes()}

    def refresh_picture(self) -> None:
        """Bring the static picture up to date, if the widget is displayed."""
        if not self._displays or self._closed:
            return
        picture = static_html(self.slices, self.static_id)
        if picture != self._picture:
            self._picture = picture
            self._publish_picture(update=True)
            # A page that was reloaded no longer has the display, but still has the widget.
            self.send({"type": "picture", "html": picture, "text": static_text(self.slices)})

    def _on_message(self, _widget: object, content: Any, buffers: list[Any]) -> None:
        if not isinstance(content, dict) or "kind" not in content or "id" not in content:
            return
        if content["kind"] == "anywidget-command":
            return
        reply = answer_request(handlers(), self._feed, content, buffers)
        self.send(reply.message, list(reply.buffers))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if self._closed:
            return self._notice(), {}
        self._feed.prepare()
        data, metadata = self._view_bundle(**kwargs)
        data["text/html"] = static_html(self.slices)
        return data, metadata

    def _view_bundle(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/plain": static_text(self.slices)}, dict(metadata)

    def _ipython_display_(self, **kwargs: Any) -> None:
        """Display the widget, and behind it the picture for when there is no kernel."""
        from IPython.display import display

        if self._closed:
            display(self._notice(), raw=True)
            return
        data, metadata = self._view_bundle()
        display(data, metadata=metadata, raw=True)
        self._picture = static_html(self.slices, self.static_id)
        self._publish_picture(update=False)
        self._displays += 1
        _flush_after_cells(self._feed)
        self._feed.prepare()

    def _notice(self) -> dict[str, str]:
        """Return what is displayed of a panel that was closed."""
        name = type(self).__name__
        text = f"This {name} was closed: make a new one, {name}(session)."
        return {"text/plain": text, "text/html": f'<p class="tabwidget-closed">{text}</p>'}

    def _publish_picture(self, *, update: bool) -> None:
        from IPython.display import publish_display_data

        # Outside a notebook there is no display, and nothing is lost.
        with contextlib.suppress(RuntimeError, OSError):
            publish_display_data(
                {"text/html": self._picture, "text/plain": static_text(self.slices)},
                transient={"display_id": f"tabwidget-{self.static_id}"},
                update=update,
            )


def slice_trait(panel: str) -> str:
    """Return the name of the trait that carries a panel's slice of the state."""
    return f"{panel}_slice"


def _flush_after_cells(feed: Feed) -> None:
    """Let the pictures of a feed be up to date at the end of each cell."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or feed in _flushed:
        return
    _flushed.add(feed)
    found = weakref.ref(feed)

    def after_cell(_result: object) -> None:
        feed = found()
        if feed is not None:
            feed.flush()

    shell.events.register("post_run_cell", after_cell)
    weakref.finalize(feed, _unregister, shell, after_cell)


def _unregister(shell: Any, callback: Callable[[object], None]) -> None:
    with contextlib.suppress(ValueError):  # taken out by someone else
        shell.events.unregister("post_run_cell", callback)


def _new_session(source: Any) -> Session:
    return Session(source, name=name_of(source) if isinstance(source, pd.DataFrame) else None)
