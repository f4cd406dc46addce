"""Files to begin with: a workspace, and a machine with its image for a service.

They pass `check`, and a service of them is released as it is: without an artifact of its own it is
a page served from Debian's packages, to be replaced by what the company runs.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE = "debian-12"
JAVA = "jre"


@dataclass(frozen=True)
class Beginning:
    """What is known of a service before it has any file.

    `artifact` are Maven's coordinates without a version (`com.acme:greeter:jar`); None for what
    needs none. `data` says whether its machine has a volume at /data.
    """

    name: str
    artifact: str | None = None
    port: int = 8080
    health: str = "/health"
    data: bool = False

    @property
    def is_archive(self) -> bool:
        return self.artifact is not None and ":tar" in self.artifact


def workspace_files(project: str) -> dict[str, str]:
    """The files of a workspace without services, by their path in it."""
    return {
        "provisimus.yaml": _WORKSPACE.replace("PROJECT", project),
        ".gitignore": "# What may be lost without harm, and a binary repository in a folder.\n"
        ".provisimus/\n/artifacts/\n",
    }


def machine_files(of: Beginning) -> dict[str, str]:
    """packer/NAME, by path in the packer repository."""
    lines = [
        f"# What a machine of {of.name} is. All keys: provisimus's docs/machines.md",
        f"base: {BASE}",
        f"main: {of.name}",
        "# side_carts: [node-exporter, log-shipper]   # images of yours, for monitoring and logs",
        f"health: {{http: {{port: {of.port}, path: {of.health}}}, every: 30s, within: 10m}}",
        *(("volumes:", "  - {mount: /data}") if of.data else ()),
        "# users:                                     # who may log in",
        '#   - {name: ops, ssh_keys: ["ssh-ed25519 AAAA… ops@acme.example"], sudo: true}',
    ]
    return {f"{of.name}/machine.yaml": _text(lines)}


def image_files(of: Beginning, *, there: list[str]) -> dict[str, str]:
    """docker/NAME and what it stands on, by path in the docker repository; not what is `there`."""
    if of.artifact is None:
        return _page(of)
    files = {f"{of.name}/manifest.yaml": _manifest(of), f"{of.name}/Dockerfile.j2": _java(of)}
    if JAVA not in there:
        files[f"{JAVA}/manifest.yaml"] = _JAVA_RUNTIME
    return files


def _manifest(of: Beginning) -> str:
    lines = ["# The version is the one that is built: " + of.name + "@1.0.0"]
    if of.is_archive:
        lines += ["source:", f'  maven: "{of.artifact}"', "  unpack: true", "  strip: 1"]
    else:
        lines += [f'source: {{maven: "{of.artifact}"}}', "# layers: auto   # of a Spring Boot JAR"]
    return _text([*lines, f"vars: {{port: {of.port}}}", *_tests(of)])


def _java(of: Beginning) -> str:
    if of.is_archive:
        copied = f"COPY {{{{ artifact.folder }}}}/ /opt/{of.name}/"
        command = f'ENTRYPOINT ["/opt/{of.name}/bin/{of.name}"]'
    else:
        copied = f"COPY {{{{ artifact.file }}}} /app/{of.name}.jar"
        command = f'ENTRYPOINT ["java", "-jar", "/app/{of.name}.jar"]'
    return _text([f'FROM {{{{ image("{JAVA}") }}}}', copied, "EXPOSE {{ vars.port }}", command])


def _page(of: Beginning) -> dict[str, str]:
    page = of.health.strip("/") or "index.html"
    manifest = [
        "# A page to begin with. A service of yours names its artifact instead:",
        f'#   source: {{maven: "com.acme:{of.name}:jar"}}',
        "source: {debian: {suite: bookworm, packages: [busybox]}}",
        f"vars: {{port: {of.port}}}",
        *_tests(of),
    ]
    dockerfile = [
        "FROM {{ base }}",
        f"COPY page /srv/www/{page}",
        "EXPOSE {{ vars.port }}",
        "USER 65534:65534",
        'ENTRYPOINT ["busybox", "httpd", "-f", "-p", "{{ vars.port }}", "-h", "/srv/www"]',
    ]
    return {
        f"{of.name}/manifest.yaml": _text(manifest),
        f"{of.name}/Dockerfile.j2": _text(dockerfile),
        f"{of.name}/page": f"{of.name} is well\n",
    }


def _tests(of: Beginning) -> tuple[str, ...]:
    return (
        "tests:",
        f"  - {{http: {{port: {of.port}, path: {of.health}}}, within: 3m}}",
    )


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


_WORKSPACE = """\
# A workspace of Provisimus: what each step needs stands in files, under version control.
# Definitions may live in repositories of their own:
#   repositories: {docker: ../PROJECT-docker, packer: ../PROJECT-packer}
project: PROJECT
# Where JARs and TAR/GZs come from, in Maven's layout: a folder, https://…, s3://…
artifacts: {releases: ./artifacts}
registry: {url: "127.0.0.1:5000"}
bases:                            # what machine images start from
  debian-12:
    aws: {owner: "136693071363", name: "debian-12-amd64-*"}
    user: admin
    local: {debian: bookworm, packages: [docker.io, docker-compose, pigz]}
environments:
  local: {provider: local}        # the local cloud: no account is needed
  # staging: {provider: aws, account: "111122223333", region: eu-west-1, role: provisimus}
  # production:
  #   {provider: aws, account: "444455556666", region: eu-west-1, role: provisimus,
  #    promote_from: staging, protect: true}
"""

_JAVA_RUNTIME = """\
# A Java runtime on a small Debian, made from packages: nothing is pulled from a registry.
source: {debian: {suite: bookworm, packages: [openjdk-17-jre-headless]}}
version: "17"
tests:
  - run: [java, -version]
"""
