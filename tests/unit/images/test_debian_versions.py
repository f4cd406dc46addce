import itertools
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.artifacts.maven.ranges import parse_range
from provisimus.images.debian_versions import compare, list_files, newest
from provisimus.images.outdated import newer_packages, newest_release

OLDEST_FIRST = [
    "0~beta",
    "0",
    "1.0~rc1-1",
    "1.0~rc1+b1-1",
    "1.0-1",
    "1.0-1+deb12u1",
    "1.0-1+deb12u10",
    "1.0+dfsg-1",
    "1.9",
    "1.10",
    "1.10a",
    "1:0.1",
    "1:0.1-1",
    "2:0",
]


def test_the_order_of_versions():
    for one, other in itertools.pairwise(OLDEST_FIRST):
        assert compare(one, other) < 0 < compare(other, one)
    assert compare("1.0", "1.0-0") == 0
    assert compare("1.00", "1.0") == 0


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is the judge")
def test_dpkg_has_the_same_order():
    for one, other in itertools.combinations(OLDEST_FIRST, 2):
        judged = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False)
        assert (judged.returncode == 0) == (compare(one, other) < 0), (one, other)


@given(st.text("01a~+.-:", max_size=8), st.text("01a~+.-:", max_size=8))
def test_both_ways_round(one, other):
    assert (compare(one, other) < 0) == (compare(other, one) > 0)
    assert compare(one, one) == 0


def test_the_newest_of_a_list():
    text = (
        "Package: a\nArchitecture: amd64\nVersion: 1.2\n\n"
        "Package: b\nVersion: 9\n\nPackage: a\nVersion: 1.10\nDescription: x\n Version: 99\n"
    )
    assert newest(text, ["a", "c"]) == {"a": "1.10"}
    assert newest("", ["a"]) == {}


def test_which_lists_are_of_a_suite(tmp_path):
    for name in (
        "deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4",
        "deb.debian.org_debian_dists_bookworm-updates_main_binary-amd64_Packages",
        "deb.debian.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages",
        "deb.debian.org_debian_dists_bookworm-backports_main_binary-amd64_Packages",
        "deb.debian.org_debian_dists_trixie_main_binary-amd64_Packages",
        "deb.debian.org_debian_dists_bookworm_main_binary-arm64_Packages",
    ):
        (tmp_path / name).touch()
    found = [
        each.name.partition("_dists_")[2] for each in list_files("bookworm", "amd64", tmp_path)
    ]
    assert found == [
        "bookworm-security_main_binary-amd64_Packages",
        "bookworm-updates_main_binary-amd64_Packages",
        "bookworm_main_binary-amd64_Packages.lz4",
    ]


def test_newer_packages():
    installed = {"libc6": "2.36-9+deb12u1", "own": "1", "tzdata": "2026a"}
    known = {"libc6": "2.36-9+deb12u10", "tzdata": "2026a"}
    assert newer_packages(installed, known) == {"libc6": ("2.36-9+deb12u1", "2.36-9+deb12u10")}


@pytest.mark.parametrize(
    ("version", "existing", "newest_one"),
    [
        ("1.0", ["0.9", "1.0", "1.10", "1.9"], "1.10"),
        ("1.0", ["1.0", "1.1-SNAPSHOT", "2.0-rc1", "2.0-M1", "1.1.Beta2"], None),
        ("2.0-rc1", ["2.0-rc1", "2.0-rc2", "1.9"], "2.0-rc2"),
        ("5.6.0.Final", ["5.6.0.Final", "5.6.1.Final", "6.0.0.CR1"], "5.6.1.Final"),
        ("1.0", [], None),
    ],
)
def test_the_newest_release(version, existing, newest_one):
    assert newest_release(version, existing) == newest_one


@pytest.mark.parametrize(
    ("followed", "newest_one"),
    [("[5.17,5.18)", "5.17.7"), ("[5.17,6)", "5.18.3"), ("6", "6.1.0"), ("(,5.17.6]", None)],
)
def test_the_newest_release_of_those_that_are_followed(followed, newest_one):
    existing = ["5.16.9", "5.17.6", "5.17.7", "5.18.3", "6.0.0-M1", "6.1.0"]
    assert newest_release("5.17.6", existing, parse_range(followed)) == newest_one
