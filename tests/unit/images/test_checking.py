"""What can be said of templates without rendering them."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.images.checking import range_problems, template_problems
from provisimus.workspace import open_workspace


def problems(root: Path, templates: dict[str, str], **macros: str) -> list[str]:
    (root / "provisimus.yaml").write_text("project: acme\n")
    for name, text in templates.items():
        folder = root / "docker" / name
        folder.mkdir(parents=True)
        (folder / "manifest.yaml").write_text('version: "1"\nvars: {port: 80, tool: base}\n')
        (folder / "Dockerfile.j2").write_text(text)
    for name, text in macros.items():
        path = root / "docker/_macros" / f"{name}.j2"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = template_problems(open_workspace(root))
    return [f"{Path(each.file).parent.name}:{each.line}: {each.message}" for each in found]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("\nFROM {{ image('base') }}", []),
        ("\n{% for a in b %}", ["x:2: this is no Jinja2: Unexpected end of template"]),
        ("\nFROM {{ image('bsae') }}", ["x:2: there is no image 'bsae'"]),
        ("{% import 'none.j2' as n %}", ["x:1: there is no none.j2 in _macros/"]),
        ("{% import '_macros/java.j2' as j %}", []),
        ("\nFROM {{ image('x') }}", ["x:2: images are built on each other in a circle: x ← x"]),
        ("{% if vars.a %}FROM {{ image('x') }}{% endif %}", []),
        ("{{ image(vars.tool) }}", []),
        ("FROM {{ image('base') }}\nEXPOSE {{ vars.prot }}", ["x:2: there is no 'prot' here"]),
        ("\nFROM {{ image(vars.bsae) }}", ["x:2: there is no 'bsae' here"]),
        ("{{ vars.prot | default(1) }}{{ vars.other is defined }}", []),
        ("{% if vars.prot is defined %}{{ vars.prot }}{% endif %}", []),
        ("{{ vars.prot and vars.prot.x }}{% for a in vars.items() %}{{ a }}{% endfor %}", []),
        ("LABEL x={{ labels['x'] }}", []),
        ("{{ vesrion }}\n{{ vesrion }}", ["x:1: 'vesrion' is undefined"]),
        ("{% set a = range(2) %}{{ a }}{{ artifact.file }}{{ artifacts.x }}", []),
        ("{% import 'java.j2' as j %}{{ j.java() }}{% macro b(c) %}{{ c }}{% endmacro %}", []),
    ],
)
def test_one_template(tmp_path: Path, template: str, expected: list[str]) -> None:
    found = problems(tmp_path, {"base": "FROM scratch", "x": template}, java="{{ image('base') }}")
    assert len(found) == len(expected)
    assert all(told.startswith(start) for told, start in zip(found, expected, strict=True))


def test_what_to_write_instead(tmp_path: Path) -> None:
    problems(tmp_path, {"x": "{{ vars.prot }}{{ vesrion }}{{ port }}"})
    hints = [each.hint for each in template_problems(open_workspace(tmp_path))]
    assert hints == [
        "did you mean 'version'?",
        "write vars.port",
        "did you mean vars.port?",
    ]


def test_a_template_of_two_variants_is_asked_for_each(tmp_path: Path) -> None:
    problems(tmp_path, {"x": "{{ vars.heap }}"})
    (tmp_path / "docker/x/manifest.yaml").write_text(
        'version: "1"\nvariants: {small: {vars: {heap: 64m}}, large: {vars: {haep: 1g}}}\n'
    )
    found = list(template_problems(open_workspace(tmp_path)))
    assert {each.message for each in found} == {"there is no 'heap' here"}
    assert "did you mean vars.haep?" in {each.hint for each in found}


def test_a_wide_circle_is_told_once(tmp_path: Path) -> None:
    templates = {
        "c": "FROM {{ image('b') }}",
        "a": "FROM {{ image('d') }}\nCOPY --from={{ image('c') }} / /",
        "b": "FROM {{ image('a') }}",
        "d": "FROM scratch",
    }
    told = "a:2: images are built on each other in a circle: a ← c ← b ← a"
    assert problems(tmp_path, templates) == [told]


def test_shared_macros_are_read_too(tmp_path: Path) -> None:
    found = problems(tmp_path, {"x": "FROM scratch"}, bad="\n{% macro %}", other="{{ image('y') }}")
    assert [each.partition(": ")[0] for each in found] == ["_macros:2", "_macros:1"]


def test_a_template_that_is_no_text(tmp_path: Path) -> None:
    problems(tmp_path, {"x": "FROM scratch"})
    (tmp_path / "docker/x/Dockerfile.j2").write_bytes(b"\xff\xfe")
    (found,) = template_problems(open_workspace(tmp_path))
    assert found.message == "the file is not UTF-8: invalid start byte"


def test_ranges_of_versions(tmp_path: Path) -> None:
    problems(tmp_path, {"x": "FROM scratch", "y": "FROM scratch"})
    (tmp_path / "docker/x/manifest.yaml").write_text(
        'source: {maven: "a:b", follow: "[1,2)"}\n'
        'artifacts:\n  agent:\n    maven: "a:c"\n    follow: "[2,1]"\n'
        'variants: {debug: {artifacts: {tool: {maven: "a:d", follow: "1,2"}}}}\n'
    )
    found = list(range_problems(open_workspace(tmp_path)))
    assert [(each.line, each.key) for each in found] == [
        (5, "artifacts/agent/follow"),
        (6, "variants/debug/artifacts/tool/follow"),
    ]
    assert "nothing is between 2 and 1" in found[0].message
