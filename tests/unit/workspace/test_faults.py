"""Faulty definitions: every problem with its file, line, key, message and hint, as whole values."""
# ruff: noqa: E501 - messages are compared whole

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from provisimus.errors import InvalidDefinitions
from provisimus.workspace import Workspace, open_workspace
from provisimus.workspace.check import check
from provisimus.workspace.definitions.project import AwsEnvironment

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ops@acme"
PROJECT = """\
project: acme
bases:
  debian-12:
    aws: {owner: "136693071363", name: "debian-12-amd64-*"}
    local: {debian: bookworm}
environments:
  local: {provider: local}
  production: {provider: aws, account: "444455556666", region: eu-west-1}
"""
MANIFEST = 'source: {maven: "com.acme:greeter:jar"}\n'
MACHINE = "base: debian-12\nmain: greeter\nvolumes: [{mount: /data}]\n"
STACK = "version: 1.0.0\ndata_volumes: [{mount: /data, size: 1 GiB}]\n"
SOUND = {
    "provisimus.yaml": PROJECT,
    "docker/greeter/manifest.yaml": MANIFEST,
    "packer/greeter/machine.yaml": MACHINE,
    "stacks/greeter.yaml": STACK,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def workspace(root: Path, **changed: str) -> Workspace:
    """The sound workspace with some files written otherwise: `stack`, `machine`, `image`."""
    places = {
        "project": "provisimus.yaml",
        "image": "docker/greeter/manifest.yaml",
        "machine": "packer/greeter/machine.yaml",
        "stack": "stacks/greeter.yaml",
        "cart": "docker/node-exporter/manifest.yaml",
    }
    for path, text in {**SOUND, **{places[key]: text for key, text in changed.items()}}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return open_workspace(root)


Found = tuple[str, int | None, str, str, str | None]


def problems(root: Path, **changed: str) -> list[Found]:
    try:
        found, _ = check(workspace(root, **changed))
    except InvalidDefinitions as error:
        found = list(error.problems)
    return [
        (str(Path(each.file).relative_to(root)), each.line, each.key, each.message, each.hint)
        for each in found
    ]


def test_a_sound_workspace_has_no_problem(root: Path) -> None:
    assert check(workspace(root)) == ([], 4)


def test_an_unknown_key_has_a_neighbour(root: Path) -> None:
    assert problems(root, stack="version: 1.0.0\ninstance_typ: t3.small\n") == snapshot(
        [
            (
                "stacks/greeter.yaml",
                2,
                "instance_typ",
                "this key is not known here",
                "did you mean 'instance_type'?",
            )
        ]
    )


def test_an_unknown_key_deep_inside(root: Path) -> None:
    assert problems(
        root,
        stack="data_volumes:\n  - mount: /data\n    size: 1 GiB\n    snapshot: {every: 1h}\n",
    ) == snapshot(
        [
            (
                "stacks/greeter.yaml",
                4,
                "data_volumes/0/snapshot",
                "this key is not known here",
                "did you mean 'snapshots'?",
            )
        ]
    )


@pytest.mark.parametrize("line", ["198.51.100.0/24", '["198.51.100.0/24", 203.0.113.7]'])
def test_ssh_from_is_a_network_or_several(root: Path, line: str) -> None:
    text = PROJECT.replace("region: eu-west-1", f"region: eu-west-1, ssh_from: {line}")
    found = workspace(root, project=text).environment("production")
    assert isinstance(found, AwsEnvironment)
    assert found.ssh_from in (("198.51.100.0/24",), ("198.51.100.0/24", "203.0.113.7/32"))


def test_ssh_from_that_cannot_be(root: Path) -> None:
    aws = 'provider: aws, account: "444455556666", region: eu-west-1'
    text = PROJECT + "".join(
        f"  {name}: {{{aws}, {key}: {value}}}\n"
        for name, key, value in (
            ("a", "shh_from", "198.51.100.0/24"),
            ("b", "ssh_from", "0.0.0.0/0"),
            ("c", "ssh_from", "[198.51.100.0/24, 128.0.0.0/1]"),
            ("d", "ssh_from", "198.51.100.1/24"),
            ("e", "ssh_from", "[]"),
        )
    )
    assert problems(root, project=text) == snapshot(
        [
            (
                "provisimus.yaml",
                9,
                "environments/a/shh_from",
                "this key is not known here",
                "did you mean 'ssh_from'?",
            ),
            (
                "provisimus.yaml",
                10,
                "environments/b/ssh_from",
                "SSH open to the world is refused",
                "name the network you come from",
            ),
            (
                "provisimus.yaml",
                11,
                "environments/c/ssh_from/1",
                "SSH open to the world is refused",
                "name the network you come from",
            ),
            (
                "provisimus.yaml",
                12,
                "environments/d/ssh_from",
                "'198.51.100.1/24' is no IPv4 network",
                "write 198.51.100.0/24: 198.51.100.1/24 has host bits set",
            ),
            ("provisimus.yaml", 13, "environments/e/ssh_from", "this must not be empty", None),
        ]
    )


def test_a_key_twice(root: Path) -> None:
    assert problems(root, stack="version: 1.0.0\ntype: service\nversion: 1.0.1\n") == snapshot(
        [("stacks/greeter.yaml", 3, "version", "this key stands twice", "keep one of them")]
    )


def test_a_version_that_yaml_takes_for_a_number(root: Path) -> None:
    assert problems(root, stack=STACK.replace("1.0.0", "1.10")) == snapshot(
        [
            (
                "stacks/greeter.yaml",
                1,
                "version",
                "a version is text",
                'write it in quotes: version: "1.1"',
            )
        ]
    )


def test_ssh_is_not_opened_to_the_world(root: Path) -> None:
    for source in ("0.0.0.0/0", "::/0"):
        assert problems(root, stack=f'{STACK}ingress:\n  - {{port: 22, from: "{source}"}}\n') == [
            (
                "stacks/greeter.yaml",
                4,
                "ingress/0",
                "SSH open to the world is refused",
                "name the network you come from",
            )
        ]


def test_an_override_is_blamed_where_it_stands(root: Path) -> None:
    text = STACK + (
        "instance_type: t3.small\n"
        "environments:\n"
        "  production:\n"
        "    instance_typ: m6i.large\n"
        "    ingress:\n"
        "      - {port: 70000, from: 10.0.0.0/8}\n"
    )
    assert problems(root, stack=text) == snapshot(
        [
            (
                "stacks/greeter.yaml",
                6,
                "environments/production/instance_typ",
                "this key is not known here",
                "did you mean 'instance_type'?",
            ),
            (
                "stacks/greeter.yaml",
                8,
                "environments/production/ingress/0/port",
                "input should be less than or equal to 65535, not 70000",
                None,
            ),
        ]
    )


def test_an_override_for_an_environment_that_is_not_there(root: Path) -> None:
    assert problems(
        root, stack=STACK + "environments: {producton: {version: 1.0.1}}\n"
    ) == snapshot(
        [
            (
                "stacks/greeter.yaml",
                3,
                "environments/producton",
                "there is no environment 'producton' in provisimus.yaml",
                "did you mean 'production'?",
            )
        ]
    )


def test_names_that_nobody_declares(root: Path) -> None:
    assert problems(
        root,
        stack=STACK + "machine: greter\n",
        machine=MACHINE.replace("main: greeter", "main: gretter").replace("debian-12", "debian-11")
        + "side_carts: [node-exporter]\n",
    ) == snapshot(
        [
            (
                "packer/greeter/machine.yaml",
                1,
                "base",
                "there is no base 'debian-11' in provisimus.yaml",
                "did you mean 'debian-12'?",
            ),
            (
                "packer/greeter/machine.yaml",
                2,
                "main",
                "there is no image 'gretter'",
                "did you mean 'greeter'?",
            ),
            (
                "packer/greeter/machine.yaml",
                4,
                "side_carts/0",
                "there is no image 'node-exporter'",
                "known: greeter",
            ),
            (
                "stacks/greeter.yaml",
                3,
                "machine",
                "there is no machine 'greter'",
                "did you mean 'greeter'?",
            ),
        ]
    )


@pytest.mark.parametrize(
    ("said", "key", "message", "hint"),
    [
        ("{gretter: {}}", "containers", "'gretter' is no container", "they are greeter"),
        ("{greeter: {after: [greeter]}}", "containers", "greeter waits for itself", None),
        (
            "{greeter: {memory: lots}}",
            "containers/greeter/memory",
            "'lots' is no amount of memory",
            "write 512 MiB or 2 GiB",
        ),
        (
            "{greeter: {health: {run: []}}}",
            "containers/greeter/health/run",
            "this must not be empty",
            None,
        ),
        (
            "{greeter: {memroy: 1 GiB}}",
            "containers/greeter/memroy",
            "this key is not known here",
            "did you mean 'memory'?",
        ),
    ],
)
def test_containers(root: Path, said: str, key: str, message: str, hint: str | None) -> None:
    assert problems(root, machine=MACHINE + f"containers: {said}\n") == [
        ("packer/greeter/machine.yaml", 4, key, message, hint)
    ]


def test_a_side_cart_without_a_version(root: Path) -> None:
    assert problems(
        root,
        machine=MACHINE + "side_carts: [node-exporter]\n",
        cart="source: {debian: {packages: [prometheus-node-exporter]}}\n",
    ) == snapshot(
        [
            (
                "docker/node-exporter/manifest.yaml",
                1,
                "",
                "node-exporter is a side cart of greeter and has no version",
                "side carts and bases carry their version in their own manifest",
            )
        ]
    )


def test_a_volume_that_the_stack_does_not_have(root: Path) -> None:
    assert problems(root, stack="version: 1.0.0\n") == snapshot(
        [
            (
                "stacks/greeter.yaml",
                1,
                "data_volumes",
                "machine greeter mounts /data; this stack has no such volume",
                "add it to data_volumes",
            )
        ]
    )


def test_a_volume_that_no_instance_of_a_group_or_cluster_would_have(root: Path) -> None:
    """The machine would wait for it, and never start its containers."""
    said = "machine greeter mounts /data; this stack has no such volume"
    group = problems(root, stack="type: autoscaled-service\nversion: 1.0.0\n")
    assert [each[2:4] for each in group] == [("machine", said)]
    cluster = problems(root, stack="type: cluster\nversion: 1.0.0\n")
    assert [each[2:4] for each in cluster] == [("data_volumes", said)]


def test_a_machine_with_many_faults_tells_them_all(root: Path) -> None:
    assert problems(
        root,
        machine="base: debian-12\n"
        "main: {image: 'nginx:latest'}\n"
        "users:\n"
        "  - {name: Ops, ssh_keys: [hello]}\n"
        "  - {name: dev, ssh_keys: []}\n"
        "health: {http: {port: eighty}, every: 30}\n"
        "volumes: [{mount: data}]\n"
        "disk: 8 GB\n",
    ) == snapshot(
        [
            (
                "packer/greeter/machine.yaml",
                2,
                "main/image",
                "'nginx:latest' does not name an image by its digest",
                "write name@sha256:<64 hex digits>",
            ),
            (
                "packer/greeter/machine.yaml",
                4,
                "users/0/name",
                "string should match pattern '^[a-z_][a-z0-9_-]{0,31}$', not 'Ops'",
                None,
            ),
            (
                "packer/greeter/machine.yaml",
                4,
                "users/0/ssh_keys/0",
                "'hello'… is no public SSH key",
                "it begins with ssh-ed25519",
            ),
            ("packer/greeter/machine.yaml", 5, "users/1/ssh_keys", "this must not be empty", None),
            (
                "packer/greeter/machine.yaml",
                6,
                "health/every",
                "30 is no span of time",
                "write 30s, 5m, 24h or 7d",
            ),
            (
                "packer/greeter/machine.yaml",
                6,
                "health/http/port",
                "input should be a valid integer, unable to parse string as an integer, not 'eighty'",
                None,
            ),
            (
                "packer/greeter/machine.yaml",
                7,
                "volumes/0/mount",
                "'data' is no absolute path",
                None,
            ),
            ("packer/greeter/machine.yaml", 8, "disk", "'8 GB' is no size", "write 20 GiB"),
        ]
    )


def test_a_private_key_is_refused(root: Path) -> None:
    found = problems(
        root,
        machine=MACHINE + "users: [{name: ops, ssh_keys: ['-----BEGIN PRIVATE KEY----- …']}]\n",
    )
    assert [each[3:] for each in found] == [
        ("this is a private key", "put the public one here, and replace this pair")
    ]


def test_a_manifest_with_two_sources(root: Path) -> None:
    assert problems(root, image="source: {maven: 'a:b', url: 'https://x'}\n") == snapshot(
        [
            (
                "docker/greeter/manifest.yaml",
                1,
                "source",
                "say exactly one of maven, url, image, debian",
                None,
            )
        ]
    )


def test_an_image_has_no_environments(root: Path) -> None:
    text = "vars: {port: 1}\nenvironments: {staging: {vars: {port: 2}}}\n"
    assert problems(root, image=text) == snapshot(
        [
            (
                "docker/greeter/manifest.yaml",
                2,
                "environments",
                "an image has no environments: one image, tested once, goes through all of them",
                "give what differs to its container, under environments: in the stack's file",
            )
        ]
    )


def test_a_promotion_from_nowhere(root: Path) -> None:
    project = (
        "project: acme\nbases: {debian-12: {aws: {owner: x, name: y}}}\nenvironments:\n"
        "  local: {provider: local}\n  production: {provider: local, promote_from: lokal}\n"
    )
    assert problems(root, project=project) == snapshot(
        [
            (
                "provisimus.yaml",
                5,
                "environments/production/promote_from",
                "'lokal' is no other environment of provisimus.yaml",
                "did you mean 'local'?",
            )
        ]
    )


def test_faults_of_the_project_itself(root: Path) -> None:
    assert problems(
        root,
        project="projekt: acme\nenvironments:\n  x: {provider: gcp}\n"
        "  y: {provider: aws, account: 444455556666}\n",
    ) == snapshot(
        [
            ("provisimus.yaml", 1, "project", "this key is missing", "add `project:`"),
            (
                "provisimus.yaml",
                1,
                "projekt",
                "this key is not known here",
                "did you mean 'project'?",
            ),
            (
                "provisimus.yaml",
                3,
                "environments/x",
                "provider 'gcp' is not known",
                "known: local, aws",
            ),
            (
                "provisimus.yaml",
                4,
                "environments/y/account",
                "an account is text",
                'write it in quotes: account: "111122223333"',
            ),
            ("provisimus.yaml", 4, "environments/y/region", "this key is missing", "add `region:`"),
        ]
    )


def test_what_is_no_yaml(root: Path) -> None:
    assert problems(root, stack="version: [1.0.0\nmachine: greeter\n") == snapshot(
        [("stacks/greeter.yaml", 2, "", "this is not YAML: did not find expected ',' or ']'", None)]
    )


def test_an_empty_file_and_a_list(root: Path) -> None:
    assert problems(root, machine="") == snapshot(
        [
            ("packer/greeter/machine.yaml", 1, "base", "this key is missing", "add `base:`"),
            ("packer/greeter/machine.yaml", 1, "main", "this key is missing", "add `main:`"),
        ]
    )
    assert problems(root, machine="- base\n") == snapshot(
        [
            (
                "packer/greeter/machine.yaml",
                1,
                "",
                "here belong keys with values",
                "write `key: value` lines",
            )
        ]
    )
