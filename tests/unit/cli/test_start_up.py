"""What a command does not need, it does not load: no times, only what is in sys.modules after it.

A process of its own for each, since this one has loaded everything.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ACME = Path(__file__).parents[3] / "examples/acme"

HEAVY = {
    *("boto3", "botocore", "urllib3", "httpx", "httpcore", "asyncio"),
    *("h2", "anyio", "trio"),
    *("pydantic", "yaml", "jinja2", "rich", "pygments"),
    *("isal", "cloudformation_validate", "moto", "importlib.metadata"),
}

SHIM = """
import json, sys
from provisimus.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ending:
    assert not ending.code, ending.code
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded_by(program: str, *arguments: str, **variables: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1])) & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("completion", "bash"),
        ("stack", "--help"),
        ("release", "--help"),
        ("image", "build", "--help"),
        ("local", "--help"),
    ],
    ids=" ".join,
)
def test_help_version_and_completion_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert loaded_by(SHIM, *arguments) == set()


@pytest.mark.parametrize("words", ["provisimus rel", "provisimus image bu", "provisimus stack --"])
def test_tab_loads_nothing_heavy(words: str) -> None:
    asking = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert loaded_by(SHIM, _PROVISIMUS_COMPLETE="bash_complete", **asking) == set()


def test_check_loads_what_reads_files_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "provisimus.yaml").write_text("project: acme\n")
    loaded = loaded_by(SHIM, "check", "-C", str(tmp_path))
    assert loaded == {"pydantic", "yaml", "importlib.metadata"}
    assert loaded_by(SHIM, "check", "-C", str(tmp_path)) == set()


def test_what_was_found_valid_before_is_read_without_pydantic_and_yaml(tmp_path: Path) -> None:
    root = tmp_path / "acme"
    shutil.copytree(ACME, root, ignore=shutil.ignore_patterns(".provisimus", "services"))
    program = (
        "import json, sys\nfrom provisimus.workspace import open_workspace\n"
        f"found = open_workspace({str(root)!r})\n"
        "for name in found.images(): found.image(name)\n"
        "for name in found.machines(): found.machine(name)\n"
        "for name in found.services(): found.stack(name), found.stack(name, 'production')\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    assert loaded_by(program) == {"pydantic", "yaml", "importlib.metadata"}
    assert loaded_by(program) == set()
    with (root / "docker/node-exporter/manifest.yaml").open("a") as manifest:
        manifest.write("labels: {team: red}\n")
    assert loaded_by(program) == {"pydantic", "yaml", "importlib.metadata"}
    assert loaded_by(program) == set()
    # Nor does `check` need more, which follows every name from file to file.
    loaded_by(SHIM, "check", "-C", str(root))
    assert not loaded_by(SHIM, "check", "-C", str(root)) & {"pydantic", "yaml"}


def test_http_is_spoken_without_what_else_httpx_can_do() -> None:
    program = (
        "import json, sys, provisimus.http\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    assert loaded_by(program) == {"httpx", "httpcore"}


def test_http_2_is_there_for_whoever_speaks_it() -> None:
    program = (
        "import json, sys, provisimus.http, provisimus.images.builders.session\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    assert loaded_by(program) == {"httpx", "httpcore", "h2"}


def test_what_stays_is_not_searched_for_garbage() -> None:
    """Neither while libraries are loaded nor at the end."""
    program = (
        "import atexit, gc, json\n"
        "def searches(): return sum(each['collections'] for each in gc.get_stats())\n"
        "before = searches()\nfrom provisimus.cli import main\n"
        "while_loading = searches() - before\n"
        "atexit.register(lambda: print(json.dumps([while_loading, gc.get_freeze_count() > 0])))\n"
        "main(['--version'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, True]


def test_aws_is_asked_without_boto3() -> None:
    program = (
        "import json, sys\nfrom provisimus.aws import Cloud\n"
        "Cloud('eu-west-1', None, 'http://127.0.0.1:1', None, ('a', 'b')).cloudformation\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    loaded = loaded_by(program)
    assert "botocore" in loaded
    assert not loaded & {"boto3", "httpx", "pydantic"}
