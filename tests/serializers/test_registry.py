"""Serializers by name."""

from __future__ import annotations

import pytest

from tabwidget.errors import ConfigError
from tabwidget.serializers import SERIALIZERS, KeyValueSerializer, PlainNumber, resolve_serializer
from tabwidget.storage.json_codec import params_from_json, params_to_json


@pytest.mark.parametrize("name", SERIALIZERS)
def test_a_name_gives_its_serializer(name: str) -> None:
    assert resolve_serializer(name) == SERIALIZERS[name](number=PlainNumber(3))


@pytest.mark.parametrize("name", SERIALIZERS)
def test_a_registered_serializer_can_be_saved(name: str) -> None:
    serializer = resolve_serializer(name)
    assert params_from_json(params_to_json(serializer)) == serializer


def test_decimals_are_limited_by_name() -> None:
    assert resolve_serializer("bracket", max_decimals=2).serialize({"x": 0.12345}).text == "x[0.12]"


def test_an_unknown_serializer_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'bracket'"):
        resolve_serializer("brackets")


def test_an_instance_is_returned_as_it_is() -> None:
    mine = KeyValueSerializer(" is ", ";")
    assert resolve_serializer(mine) is mine
