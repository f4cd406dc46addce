"""How often a service is asked that does not answer."""

from __future__ import annotations

import pytest
from tests.ports import free_port

from provisimus.aws import UNREACHED, Cloud, speaking
from provisimus.errors import Unreachable


def test_where_nothing_is_reached_it_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.001
    )
    cloud = Cloud("eu-west-1", None, f"http://127.0.0.1:{free_port()}", None, ("a", "b"))
    asked = []
    cloud.sts.meta.events.register("before-send.sts", lambda **_: asked.append(1))
    with (
        pytest.raises(Unreachable, match="nothing answers at"),
        speaking(cloud, "ask whose credentials these are"),
    ):
        cloud.sts.get_caller_identity()
    assert len(asked) == UNREACHED
