"""What only templates show: unknown outputs, names that are too long, zones of another region."""

from pathlib import Path

import pytest

from provisimus.stacks.checking import stack_problems
from provisimus.workspace import open_workspace
from provisimus.workspace.check import check

STAGING = (
    "environments:\n"
    "  local: {provider: local}\n"
    '  staging: {provider: aws, account: "111122223333", region: eu-central-1}\n'
)
NO_HTTP = "the machine has no health check over HTTP, which a load balancer needs"
NO_CHECK = "the machine declares no health check, so there is nothing to wait for"


def told(root: Path, environments: str = "", project: str = "acme", **stacks: str) -> list[str]:
    (root / "provisimus.yaml").write_text(f"project: {project}\n{environments}")
    for folder in ("stacks", "packer/greeter"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "packer/greeter/machine.yaml").write_text("base: b\nmain: greeter\n")
    for name, text in stacks.items():
        (root / f"stacks/{name.replace('_', '.')}.yaml").write_text(text)
    return [
        f"{Path(each.file).name}:{each.line} {each.key}: {each.message}"
        for each in stack_problems(open_workspace(root))
    ]


def test_all_is_well(tmp_path: Path) -> None:
    greeter = "network: {stack: main, subnet: public, zone: b}\n"
    assert told(tmp_path, main="type: network\n", greeter=greeter) == []


def test_a_template_that_is_not_sound(tmp_path: Path) -> None:
    text = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {Colour: red}}}\n"
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/topic.template").write_text(text)
    [problem] = told(
        tmp_path,
        STAGING,
        topic="type: raw\ntemplate: topic.template\nenvironments: {staging: {}}\n",
    )
    assert problem.startswith("topic.yaml:1 : its template is not sound: ")
    assert "Colour" in problem


def test_an_output_that_nobody_gives(tmp_path: Path) -> None:
    assert told(
        tmp_path,
        main="type: network\ntiers: [private]\n",
        greeter="network:\n  stack: main\n  subnet: public\n",
        db="type: database\nnetwork: main\n",
    ) == [
        "db.yaml:2 network: main gives no output DataSubnetA",
        "db.yaml:2 network: main gives no output DataSubnetB",
        "greeter.yaml:1 network: main gives no output PublicSubnetA",
    ]


def test_an_output_that_one_environment_does_not_have(tmp_path: Path) -> None:
    assert told(
        tmp_path,
        STAGING,
        main="type: network\nzones: 3\nenvironments: {staging: {zones: 2}}\n",
        greeter="network: {stack: main, zone: c}\nenvironments:\n  staging: {key_name: ops}\n",
    ) == [
        "greeter.yaml:1 network: main gives no output PrivateSubnetC",
        "greeter.yaml:1 network: main gives no output ZoneC",
    ]


def test_what_a_type_finds_out_while_it_builds(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/q.json").write_text('{"Resources": {}, "Parameters": {"Days": {}}}')
    assert told(
        tmp_path,
        greeter="\nhealth:\n  signal: true\n",
        queue="type: raw\ntemplate: q.json\nparameters:\n  Dyas: 1\n",
        lost="type: raw\ntemplate: q.yaml\n",
        balanced="type: autoscaled-service\nmachine: greeter\n",
    ) == [
        f"balanced.yaml:2 machine: {NO_HTTP}",
        f"greeter.yaml:3 health/signal: {NO_CHECK}",
        "lost.yaml:2 template: the file q.yaml cannot be read: No such file or directory",
        "queue.yaml:4 parameters/Dyas: the template q.json has no parameter Dyas",
    ]


def test_names_that_are_too_long_or_one(tmp_path: Path) -> None:
    long = "a" * 60
    found = told(
        tmp_path,
        f"environments: {{{long}: {{provider: local}}}}\n",
        "p" * 50,
        a_b="type: network\n",
        **{"a-b": "type: network\n", "x" * 30: "type: network\n"},
    )
    assert len(found) == 2
    assert found[0].startswith("a.b.yaml:None : its stack would be called")
    assert found[0].endswith("as that of a-b")
    assert "142 characters; CloudFormation takes 128" in found[1]


def test_a_stack_belongs_to_one_definition_in_an_environment(tmp_path: Path) -> None:
    assert told(
        tmp_path,
        "environments: {local: {provider: local}, east: {provider: local}}\n",
        a="type: network\nstack_name: Network\n",
        b="type: network\nenvironments:\n  east:\n    stack_name: Network\n",
        c="type: network\nstack_name: acme-east-d\nenvironments: {local: {stack_name: Ours}}\n",
        d="type: network\n",
    ) == [
        "b.yaml:4 environments/east/stack_name: in east it has the stack of a, Network",
        "d.yaml:None : its stack would be called acme-east-d, as that of c",
    ]


def test_zones_of_another_region(tmp_path: Path) -> None:
    zones = "type: network\nzones: [eu-west-1a, eu-west-1b]\n"
    assert told(tmp_path, STAGING, main=zones) == [
        "main.yaml:2 zones/0: eu-west-1a is not in eu-central-1, the region of staging",
        "main.yaml:2 zones/1: eu-west-1b is not in eu-central-1, the region of staging",
    ]
    own = zones + "environments: {staging: {zones: 2}}\n"
    assert told(tmp_path, STAGING, main=own) == []


ZONE = "type: dns\nzone: acme.example\nrecords: [{name: www, values: [192.0.2.1]}]\n"
GROUP = "type: autoscaled-service\nmachine: web\n"


@pytest.mark.parametrize(
    ("stacks", "problem"),
    [
        (
            {"cert": "type: certificate\nzone: names\ndomain: other.example\n"},
            (
                "cert.yaml:3 domain: other.example is not in the zone of names, acme.example: it would "  # noqa: E501
                "wait for ever to be shown that the name is ours"
            ),
        ),
        (
            {
                "cert": "type: certificate\nzone: names\ndomain: acme.example\nnames: ['*.b.example']\n"  # noqa: E501
            },
            (
                "cert.yaml:4 names/0: *.b.example is not in the zone of names, acme.example: it would "  # noqa: E501
                "wait for ever to be shown that the name is ours"
            ),
        ),
        (
            {
                "inner": "type: dns\nzone: acme.internal\nnetworks: [main]\n",
                "cert": "type: certificate\nzone: inner\ndomain: acme.internal\n",
            },
            (
                "cert.yaml:2 zone: the zone of inner is seen in its networks alone, so nobody outside "  # noqa: E501
                "can find that the names are ours"
            ),
        ),
        (
            {"greeter": "dns: {zone: names, name: greeter.b.example}\n"},
            "greeter.yaml:1 dns/name: greeter.b.example is not in the zone of names, acme.example",
        ),
        (
            {"greeter": "dns: {zone: names, name: www.acme.example}\n"},
            "greeter.yaml:1 dns/name: www.acme.example is a record of names already",
        ),
        (
            {"inner": "type: dns\nnetworks: [main]\nzone: acme.local\n"},
            "inner.yaml:2 networks/0: main has a zone acme.local of its own already",
        ),
        (
            {"greeter": "network: default\ndatabase: db\n"},
            (
                "greeter.yaml:2 database: the database is in the network main, this stack in default: "  # noqa: E501
                "a security group reaches no further"
            ),
        ),
        (
            {"jump": "type: bastion\nnetwork: default\ndatabases: [db]\n"},
            (
                "jump.yaml:3 databases/0: the database is in the network main, this stack in default: "  # noqa: E501
                "a security group reaches no further"
            ),
        ),
        (
            {
                "cert": "type: certificate\nzone: names\ndomain: acme.example\n",
                "web": f"{GROUP}balancer:\n  certificate: cert\n"
                "dns: {zone: names, name: web.acme.example}\n",
            },
            "web.yaml:4 balancer/certificate: the certificate cert is not for web.acme.example",
        ),
        (
            {"small": "type: network\ncidr: 10.1.0.0/24\n", "web": f"{GROUP}network: small\n"},
            (
                "web.yaml:3 network: a load balancer needs a subnet of /27 at least; the public subnet "  # noqa: E501
                "10.1.0.0/28 of small is smaller"
            ),
        ),
    ],
)
def test_what_does_not_go_together_with_other_stacks(
    tmp_path: Path, stacks: dict[str, str], problem: str
) -> None:
    (tmp_path / "packer/web").mkdir(parents=True)
    (tmp_path / "packer/web/machine.yaml").write_text(
        "base: b\nmain: web\nhealth: {http: {port: 80}}\n"
    )
    sound = {"main": "type: network\ndns: acme.local\n", "names": ZONE}
    sound["db"] = "type: database\nnetwork: main\n"
    assert told(tmp_path, **sound) == []
    assert told(tmp_path, **stacks) == [problem]


def test_misfits_of_one_environment_stand_there(tmp_path: Path) -> None:
    cert = "type: certificate\nzone: names\ndomain: acme.example\nenvironments:\n  staging:\n"
    cert += "    domain: b.example\n"
    assert told(tmp_path, STAGING, names="type: dns\nzone: acme.example\n", cert=cert) == [
        (
            "cert.yaml:6 environments/staging/domain: b.example is not in the zone of names, "
            "acme.example: it would wait for ever to be shown that the name is ours"
        )
    ]


def test_a_fault_is_told_of_the_file_that_has_it(tmp_path: Path) -> None:
    """And not of those that use the stack, which is there all the same."""
    greeter = "network: main\n"
    assert told(tmp_path, main="type: network\ncird: 10.0.0.0/16\n", greeter=greeter) == []
    problems, _ = check(open_workspace(tmp_path))
    assert [
        (Path(each.file).name, each.key)
        for each in problems
        if Path(each.file).parent.name == "stacks"
    ] == [("main.yaml", "cird")]
