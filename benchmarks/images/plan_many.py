"""A plan over a company's images: `image plan` with nothing to do, and before the first build.

    python benchmarks/images/plan_many.py [--rounds 5] [--images 200]

A base, and so many services on it, each around an artifact of its own in a Maven-layout folder.
Whole processes; a docker-registry is started on a free loopback port. Prints a table; asserts
nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
from pathlib import Path

from scene import Cost, Provisimus, put, registry, scratch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=200)
    asked = parser.parse_args()
    found: dict[str, list[Cost]] = {}
    with scratch() as folder, registry(folder) as port:
        provisimus = Provisimus(folder, port)
        workspace = make_workspace(folder / "workspace", port, asked.images)
        cold = provisimus(workspace, "image", "plan")
        plan(found, "nothing built", provisimus, workspace, asked.rounds)
        provisimus(workspace, "image", "build", "--all", "-q")
        plan(found, "all built", provisimus, workspace, asked.rounds)
        one = [
            provisimus(workspace, "image", "plan", "service-000@1.0.0") for _ in range(asked.rounds)
        ]
    print(f"\n`image plan`, {asked.images} images and their base, {asked.rounds} rounds, seconds")
    print(f"{'':<24}{'wall':>8}{'lowest':>8}{'cpu':>8}")
    for name, costs in {**found, "all built, one asked for": one, "first ever": [cold]}.items():
        wall = [each.wall for each in costs]
        cpu = statistics.median(each.cpu for each in costs)
        print(f"{name:<24}{statistics.median(wall):>8.2f}{min(wall):>8.2f}{cpu:>8.2f}")


def plan(
    found: dict[str, list[Cost]], name: str, provisimus: Provisimus, workspace: Path, rounds: int
) -> None:
    for number in range(rounds):
        found.setdefault(name, []).append(provisimus(workspace, "image", "plan"))
        print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)


def make_workspace(root: Path, port: int, images: int) -> Path:
    put(
        root / "provisimus.yaml",
        f"project: bench\nregistry: {{url: '127.0.0.1:{port}'}}\nartifacts: {{own: ./artifacts}}\n",
    )
    put(root / "docker/base/manifest.yaml", "version: '1'\n")
    put(root / "docker/base/Dockerfile.j2", "FROM scratch\nCOPY os-release /etc/\n")
    put(root / "docker/base/os-release", "NAME=bench\n")
    for number in range(images):
        name = f"service-{number:03}"
        put(
            root / f"docker/{name}/manifest.yaml",
            f"source: {{maven: 'com.acme:{name}:jar'}}\nvars: {{port: 8080}}\n"
            "labels: {team: bench}\ntests: [{http: {port: 8080, path: /health}}]\n",
        )
        put(
            root / f"docker/{name}/Dockerfile.j2",
            'FROM {{ image("base") }}\nCOPY {{ artifact.file }} /app/app.jar\n'
            'EXPOSE {{ vars.port }}\nENTRYPOINT ["java", "-jar", "/app/app.jar"]\n',
        )
        put(root / f"stacks/{name}.yaml", "type: service\nversion: 1.0.0\n")
        jar = root / f"artifacts/com/acme/{name}/1.0.0/{name}-1.0.0.jar"
        content = name.encode() * 1000
        put(jar, content)
        put(jar.with_name(jar.name + ".sha256"), hashlib.sha256(content).hexdigest())
        put(jar.with_name(jar.name + ".commit"), "a" * 40)
    return root


if __name__ == "__main__":
    main()
