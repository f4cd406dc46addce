"""What must be done to a stack, and the reason in words: decided without any cloud."""

from provisimus.model import Digest, Stack
from provisimus.stacks.plan import decide
from provisimus.stacks.template import SWAP_OF, detached, fingerprint_of
from provisimus.stacks.types.interface import Network, WantedStack
from provisimus.stacks.types.service import TYPE
from provisimus.workspace.definitions.machine import Health, HttpHealth
from provisimus.workspace.definitions.stacks.service import ServiceDefinition
from provisimus.workspace.problems import parse

OLD, NEW = Digest("a" * 64), Digest("b" * 64)
DATA = {"mount": "/data", "size": "20 GiB"}
WEB = {"port": 8080, "from": "0.0.0.0/0"}
BASE = {"ingress": [WEB], "data_volumes": [DATA]}


def wanted(version: str = "1.0.0", **given: object) -> WantedStack:
    return WantedStack(
        "greeter",
        version,
        parse(ServiceDefinition, given),
        Network("vpc-1", "subnet-1", "eu-west-1a", True),
        Health(http=HttpHealth(port=8080)),
    )


def running(want: WantedStack, machine: Digest, **outputs: str) -> Stack:
    template, parameters = TYPE.build(want), TYPE.parameters(want)
    return Stack(
        "acme-local-greeter",
        "arn:stack",
        "UPDATE_COMPLETE",
        {
            "provisimus:fingerprint": str(fingerprint_of(template, parameters, machine)),
            "provisimus:machine-fingerprint": str(machine),
        },
        outputs,
        {**parameters, "ImageId": "ami-1", "RootDevice": "/dev/xvda"},
    )


def verdict(
    before: WantedStack,
    after: WantedStack,
    machine: Digest = OLD,
    *,
    half: bool = False,
) -> tuple[str, str]:
    template, parameters = TYPE.build(after), TYPE.parameters(after)
    outputs = {SWAP_OF: "sha256:x"} if half else {}
    template_now = detached(TYPE.build(before), "sha256:x") if half else TYPE.build(before)
    named = fingerprint_of(template, parameters, machine)
    live = running(before, OLD, **outputs)
    return decide(live, template_now, template, parameters, named, machine)


def test_no_stack_yet() -> None:
    want = wanted(**BASE)
    named = fingerprint_of(TYPE.build(want), TYPE.parameters(want), OLD)
    assert decide(None, None, TYPE.build(want), TYPE.parameters(want), named, OLD) == (
        "create",
        "there is no such stack",
    )


def test_the_same() -> None:
    assert verdict(wanted(**BASE), wanted(**BASE)) == (
        "none",
        "the stack has this fingerprint and version 1.0.0",
    )


def test_a_new_version_swaps() -> None:
    assert verdict(wanted(**BASE), wanted("1.0.1", **BASE), NEW) == (
        "swap",
        "version 1.0.0 becomes 1.0.1; the machine image changed",
    )


def test_a_new_version_without_data_is_one_update() -> None:
    before, after = wanted(ingress=[WEB]), wanted("1.0.1", ingress=[WEB])
    assert verdict(before, after, NEW)[0] == "update"


def test_a_port() -> None:
    more = {**BASE, "ingress": [WEB, {"port": 9100, "from": "10.0.0.0/8"}]}
    assert verdict(wanted(**BASE), wanted(**more)) == (
        "update",
        "SecurityGroup changed (SecurityGroupIngress)",
    )


def test_the_instance_type_changes_in_place() -> None:
    assert verdict(wanted(**BASE), wanted(**BASE, instance_type="m6i.large")) == (
        "update",
        "the instance type t3.small becomes m6i.large",
    )


def test_a_volume_more_needs_another_instance() -> None:
    more = {**BASE, "data_volumes": [DATA, {"mount": "/logs", "size": "1 GiB"}]}
    assert verdict(wanted(**BASE), wanted(**more)) == ("swap", "/logs gets a data volume")


def test_a_volume_less_says_what_stays() -> None:
    before = {**BASE, "data_volumes": [DATA, {"mount": "/logs", "size": "1 GiB"}]}
    assert verdict(wanted(**before), wanted(**BASE)) == (
        "swap",
        "the data volume of /logs goes, a snapshot stays",
    )


def test_a_volume_that_grows() -> None:
    more = {**BASE, "data_volumes": [{"mount": "/data", "size": "40 GiB"}]}
    assert verdict(wanted(**BASE), wanted(**more)) == (
        "update",
        "the data volume of /data grows to 40 GiB",
    )


def test_a_swap_that_was_interrupted_is_seen_from_the_stack() -> None:
    why = "a swap was interrupted before the new instance took the volumes over"
    assert verdict(wanted(**BASE), wanted("1.0.1", **BASE), NEW, half=True) == ("resume", why)
    assert verdict(wanted(**BASE), wanted(**BASE), half=True) == ("resume", why)
