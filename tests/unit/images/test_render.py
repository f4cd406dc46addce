"""Templates: text in, text and dependencies out, errors with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.images.render import ArtifactValues, Values, named_image, render, seen_by

WHERE = Path("docker/greeter/Dockerfile.j2")
VALUES = Values(
    version="1.0.0", vars={"port": 8080}, artifact=ArtifactValues("greeter-1.0.0.jar", "1.0.0")
)


def test_rendering() -> None:
    template = (
        'FROM {{ image("jre") }}\n'
        "COPY {{ artifact.file }} /app/\n"
        "{% if vars.port %}EXPOSE {{ vars.port }}{% endif %}\n"
        "LABEL v={{ version }} a={{ artifact.version }}\n"
        'COPY --from={{ image("tools") }} {{ image("jre") }}'
    )
    found = render(template, WHERE, VALUES)
    assert found.images == ("jre", "tools")
    assert found.text == (
        "FROM provisimus.image/jre\n"
        "COPY greeter-1.0.0.jar /app/\n"
        "EXPOSE 8080\n"
        "LABEL v=1.0.0 a=1.0.0\n"
        "COPY --from=provisimus.image/tools provisimus.image/jre"
    )
    assert named_image("provisimus.image/jre") == "jre"
    assert named_image("jre") is None


def test_labels_of_the_manifest() -> None:
    values = Values("1", labels={"team": "blue"})
    found = render("ENV TEAM={{ labels.team }}", WHERE, values)
    assert found.text == "ENV TEAM=blue"
    with pytest.raises(InvalidDefinitions) as caught:
        render("{{ labels.taem }}", WHERE, values)
    assert caught.value.problems[0].hint == "did you mean labels.team?"


SUM = "0" * 64
WITH_SUMS = Values(
    "1",
    artifact=ArtifactValues("a.jar", "1", SUM),
    artifacts={"agent": ArtifactValues("b.jar", "2", SUM)},
)


@pytest.mark.parametrize(
    "template",
    [
        "FROM {{ image('jre') }}",
        "COPY {{ artifact.file }} {{ artifacts.agent.file }} /app/{{artifact.version}}",
        "COPY {{ artifact.folder }}/ / # {{ artifacts.x.folder}}",
    ],
)
def test_a_checksum_that_nobody_asks_for_changes_no_text(template: str) -> None:
    seen = seen_by(WITH_SUMS, [template])
    assert SUM not in str(seen)
    assert SUM in str(seen_by(WITH_SUMS, [template, "{% macro x() %}{{ artifact }}{% endmacro %}"]))


@pytest.mark.parametrize(
    "template",
    [
        "{{ artifact.sha256 }}",
        "{{ artifact }}",
        "{{ artifact['sha256'] }}",
        "{{ artifacts.agent.sha256 }}",
        "{{ artifacts | tojson }}",
        "{{ artifact | attr('sha256') }}",
        "{% set it = artifact %}{{ it.sha256 }}",
        "{% for key in artifact %}{{ artifact.file }}{% endfor %}",
        "{% with artifacts = artifacts.agent %}{{ artifacts.sha256 }}{% endwith %}",
        "{{ artifact.files }}",
        "{{ artifacts.file }}",
    ],
)
def test_a_checksum_that_somebody_may_ask_for_is_seen(template: str) -> None:
    assert seen_by(WITH_SUMS, [template]) == WITH_SUMS


def test_a_place_of_our_own() -> None:
    found = render('FROM {{ image("jre") }}', WHERE, VALUES, lambda name: f"host:5000/{name}@x")
    assert found.text == "FROM host:5000/jre@x"


@pytest.mark.parametrize(
    ("template", "line", "message", "hint"),
    [
        ("\nA {{ vars.prot }}", 2, "there is no 'prot' here", "did you mean vars.port?"),
        ("\n\nA {{ port }}", 3, "'port' is undefined", "write vars.port"),
        ("{{ verson }}", 1, "'verson' is undefined", "did you mean version?"),
        (
            "{{ base }}",
            1,
            "'base' is undefined",
            "the manifest's source is no base: add source: {debian: …}",
        ),
        (
            "{{ artifact.name }}",
            1,
            "there is no 'name' here",
            "known: artifact.file, artifact.sha256, artifact.version, vars.port",
        ),
        ("A\n{% if %}", 2, "this is no Jinja2: Expected an expression", None),
        ("A\n{{ 1 // 0 }}", 2, "ZeroDivisionError", None),
    ],
)
def test_errors(template: str, line: int, message: str, hint: str | None) -> None:
    with pytest.raises(InvalidDefinitions) as caught:
        render(template, WHERE, VALUES)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.hint) == (str(WHERE), line, hint)
    assert message in problem.message


def test_no_artifact_says_so() -> None:
    with pytest.raises(InvalidDefinitions) as caught:
        render("{{ artifact.file }}", WHERE, Values("1"))
    assert "has no source with an artifact" in (caught.value.problems[0].hint or "")


@pytest.mark.parametrize("template", ["{{ ''.__class__.__mro__ }}", "{{ vars.clear() }}"])
def test_the_sandbox(template: str) -> None:
    with pytest.raises(InvalidDefinitions):
        render(template, WHERE, VALUES)


MACROS = {
    Path("docker/_macros/java.j2"): (
        '{% macro run(jar) %}ENTRYPOINT ["java", "-jar", "{{ jar }}"]{% endmacro %}\n'
        "{% macro start() %}FROM {{ image('jre') }}\nEXPOSE {{ vars.port }}{% endmacro %}\n"
        "{% macro wrong() %}\n{{ vars.nope }}{% endmacro %}\n"
        "{% macro again() %}{{ again() }}{% endmacro %}\n"
    ),
    Path("docker/_macros/broken.j2"): "\n{% macro %}",
}


def test_shared_macros() -> None:
    template = '{% import "java.j2" as java %}{{ java.start() }}\n{{ java.run("/a.jar") }}\n'
    found = render(template, WHERE, VALUES, macros=MACROS)
    assert found.images == ("jre",)
    assert found.text == (
        'FROM provisimus.image/jre\nEXPOSE 8080\nENTRYPOINT ["java", "-jar", "/a.jar"]\n'
    )
    other = '{% from "_macros/java.j2" import run %}{{ run("x") }}'
    assert render(other, WHERE, VALUES, macros=MACROS).text.endswith('"x"]')


@pytest.mark.parametrize(
    ("template", "file", "line", "message"),
    [
        ('{% import "java.j2" as j %}\n{{ j.wrong() }}', "java.j2", 5, "there is no 'nope' here"),
        ('\n{% import "broken.j2" as j %}', "broken.j2", 2, "this is no Jinja2"),
        ('{% import "none.j2" as j %}', "Dockerfile.j2", None, "there is no none.j2 in _macros/"),
        ('{% import "java.j2" as j %}{{ j.again() }}', "java.j2", 6, "without end"),
    ],
)
def test_faults_in_macros(template: str, file: str, line: int | None, message: str) -> None:
    with pytest.raises(InvalidDefinitions) as caught:
        render(template, WHERE, VALUES, macros=MACROS)
    problem = caught.value.problems[0]
    assert (Path(problem.file).name, problem.line) == (file, line)
    assert message in problem.message


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "its loops and calls turn more than 100000 times",
        ),
        ("{% for a in 'xy' * 90000 %}{% endfor %}", "its loops and calls turn more than"),
        (
            "{% macro a(n) %}{{ a(n-1) + a(n-1) if n else '' }}{% endmacro %}{{ a(60) }}",
            "its loops and calls turn more than",
        ),
        ("{% for a in range(99999) %}{{ 'x' * 999999 }}{% endfor %}", "it renders to more than"),
        ("{{ 'x'|center(9999999999) }}", "it makes more than fits"),
        ("{{ '{:9999999999}'.format(1) }}", "it makes more than fits"),
        ("{{ ('x' * 999999)|replace('x', 'y' * 999999) }}", "it makes more than fits"),
        (
            "{% set n = namespace(s=1) %}{% for i in 'x'*60 %}{% set n.s = n.s~n.s %}{% endfor %}",
            "it makes more than fits",
        ),
        ("{{ lipsum(n=99999) }}", "'lipsum' is undefined"),
        ("{{ image(1) }}", "the name of an image in quotes"),
        ("{% for a in range(99999) %}{{ 'x' * 99 }}{% endfor %}", "it renders to"),
        ("{{ 'x' * 99999999 }}", "* makes something too long"),
        ("{{ 9 ** 99999999 }}", "** makes something too long"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ vars.update(a=1) }}", "unsafe"),
    ],
)
def test_a_template_is_bounded(template: str, message: str) -> None:
    with pytest.raises(InvalidDefinitions) as caught:
        render(template, WHERE, VALUES)
    assert message in caught.value.problems[0].message


def test_macros_take_arguments_of_any_name() -> None:
    template = (
        "{% macro m(context, called, self_) %}{{ context }}{{ called }}{{ self_ }}{% endmacro %}"
        "{{ m(context=1, called=2, self_=3) }}"
    )
    assert render(template, WHERE, VALUES).text == "123"


def test_loops_know_their_length() -> None:
    template = "{% for a in [1, 2] %}{{ loop.index }}/{{ loop.length }} {% endfor %}"
    assert render(template, WHERE, VALUES).text == "1/2 2/2 "
