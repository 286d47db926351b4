"""The protocol between the front end and a session: requests, replies and JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tabwidget.errors import TabwidgetError

if TYPE_CHECKING:
    from tabwidget.session import Session
    from tabwidget.widgets.feed import Feed

__all__ = ["Handler", "Reply", "Request", "State", "answer_request", "to_json"]

State: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request of the front end.

    Attributes
    ----------
    session : Session
        The session behind the panel.
    feed : Feed
        What keeps the session's panels up to date.
    payload : dict
        The arguments.
    buffers : sequence of bytes-like
        Binary arguments, such as an uploaded file.
    """

    session: Session
    feed: Feed
    payload: State
    buffers: Sequence[Any] = ()


@dataclass(frozen=True)
class Reply:
    """A message to the front end, and its binary buffers."""

    message: State
    buffers: Sequence[bytes] = ()


# Returns what goes into "ok": JSON, or JSON with buffers as a `Reply`.
Handler = Callable[[Request], State | Reply]


def answer_request(
    handlers: Mapping[str, Handler],
    feed: Feed,
    content: Mapping[str, Any],
    buffers: Sequence[Any] = (),
) -> Reply:
    """Handle ``{id, kind, payload}`` and return ``{id, ok}`` or ``{id, error}``; never raises.

    Parameters
    ----------
    handlers : mapping of str to callable
        The handler of each kind of request.
    feed : Feed
        Of the session that is asked.
    content : mapping
        The message.
    buffers : sequence of bytes-like, optional
        The message's buffers.
    """
    base = {"type": "reply", "id": content.get("id")}
    kind = content.get("kind")
    handler = handlers.get(str(kind))
    if handler is None:
        return Reply({**base, "error": f"there is no request {kind!r}"})
    try:
        found = handler(Request(feed.session, feed, content.get("payload") or {}, buffers))
    except TabwidgetError as error:
        return Reply({**base, "error": str(error)})
    except Exception as error:
        # The user at the panel must see any error, not only the kernel's log.
        first = (str(error).splitlines() or [""])[0]
        return Reply({**base, "error": f"{type(error).__name__}: {first}"})
    reply = found if isinstance(found, Reply) else Reply(found)
    return Reply({**base, "ok": to_json(reply.message)}, reply.buffers)


def to_json(value: Any) -> Any:
    """Return `value` as JSON holds it: NaN and infinities as None, the rest as plain types.

    Examples
    --------
    >>> to_json({"a": float("nan"), "b": (1, "x")})
    {'a': None, 'b': [1, 'x']}
    """
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
