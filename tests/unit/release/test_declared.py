"""Writing a version back into a stack's file, and touching nothing else."""

import pytest

from provisimus.errors import UsageFault
from provisimus.release.declared import with_version


@pytest.mark.parametrize(
    ("before", "environment", "after"),
    [
        ("version: 1.0.0\n", "local", "version: 2.0.0\n"),
        (
            "# ours\ntype: service\nversion: 1.0.0   # runs\nmachine: g\n",
            "local",
            "# ours\ntype: service\nversion: 2.0.0   # runs\nmachine: g\n",
        ),
        ('version: "1.0"\n', "local", "version: 2.0.0\n"),
        ("type: service\n", "local", "type: service\nversion: 2.0.0\n"),
        (
            "version: 1.0.0\nenvironments:\n  local:\n    version: 1.1.0\n    key_name: k\n",
            "local",
            "version: 1.0.0\nenvironments:\n  local:\n    version: 2.0.0\n    key_name: k\n",
        ),
        (
            "version: 1.0.0\nenvironments:\n  local: {key_name: k, version: 1.1.0}\n",
            "local",
            "version: 1.0.0\nenvironments:\n  local: {key_name: k, version: 2.0.0}\n",
        ),
        (
            "version: 1.0.0\nenvironments:\n  other: {version: 1.1.0}\n",
            "local",
            "version: 2.0.0\nenvironments:\n  other: {version: 1.1.0}\n",
        ),
    ],
)
def test_only_the_version_changes(before: str, environment: str, after: str) -> None:
    assert with_version(before, "2.0.0", environment) == after


def test_what_yaml_takes_for_a_number_is_quoted() -> None:
    assert with_version("version: 1.0.0\n", "1.10", "local") == 'version: "1.10"\n'


def test_a_file_that_is_too_clever_is_left_alone() -> None:
    text = "version: &it 1.0.0\nmachine: *it\n"
    with pytest.raises(UsageFault, match=r"set it to 2\.0\.0 there"):
        with_version(text, "2.0.0", "local")
