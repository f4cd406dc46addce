"""The remembered answer of the probe."""

from __future__ import annotations

from provisimus.localcloud import acceleration
from provisimus.localcloud.acceleration import Acceleration, emulated, remember, remembered


def test_an_answer_is_remembered(tmp_path):
    answer = Acceleration("kvm", "host", "it spoke")
    remember(tmp_path / "answer", answer)
    assert remembered(tmp_path / "answer") == answer


def test_another_kvm_asks_for_another_probe(tmp_path, monkeypatch):
    monkeypatch.setattr(acceleration, "KVM", tmp_path / "kvm")
    remember(tmp_path / "answer", emulated("not there"))
    assert remembered(tmp_path / "answer") is not None
    (tmp_path / "kvm").touch()
    assert remembered(tmp_path / "answer") is None


def test_nonsense_is_no_answer(tmp_path):
    (tmp_path / "answer").write_text("{")
    assert remembered(tmp_path / "answer") is None
    assert remembered(tmp_path / "nothing") is None


def test_without_kvm_the_reason_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(acceleration, "KVM", tmp_path / "kvm")
    assert acceleration.quick_answer() == emulated("/dev/kvm is not there")
