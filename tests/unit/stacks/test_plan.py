"""What must be done to a stack, and the reason in words: decided without any cloud."""

from provisimus.model import Digest, Stack
from provisimus.stacks.differences import MOST, in_words, sections_in_words, shortened
from provisimus.stacks.plan import decide
from provisimus.stacks.template import SWAP_OF, detached, fingerprint_of
from provisimus.stacks.types.interface import Network, WantedStack
from provisimus.stacks.types.service import TYPE
from provisimus.user_data import ENVIRONMENT_FILE, user_data_of
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


def test_another_environment_is_told_by_its_names() -> None:
    before = {**BASE, "environment": {"MODE": "blue", "KEPT": "1", "GONE": "x"}}
    after = {**BASE, "environment": {"MODE": "green", "KEPT": "1"}}
    assert verdict(wanted(**before), wanted(**after)) == (
        "swap",
        "the environment changed (GONE, MODE)",
    )
    assert verdict(wanted(**BASE), wanted(**after))[1] == "the environment changed (KEPT, MODE)"


def test_other_things_that_a_machine_is_told_have_their_words() -> None:
    metric = {**BASE, "health": {"metric": True}}
    assert (
        "how the machine tells of its health changed"
        in verdict(wanted(**BASE), wanted(**metric))[1]
    )
    kept = {"mount": "/data", "size": "20 GiB", "snapshots": {"every": "1d", "keep": 3}}
    said = verdict(wanted(**BASE), wanted(**{**BASE, "data_volumes": [kept]}))[1]
    assert "the snapshots that the machine takes changed" in said


def test_a_signal_that_only_another_version_changed_is_not_told() -> None:
    told = {**BASE, "health": {"signal": True}}
    assert verdict(wanted(**told), wanted("1.0.1", **told), NEW) == (
        "swap",
        "version 1.0.0 becomes 1.0.1; the machine image changed",
    )


def test_the_environment_of_a_launch_template_is_told_too() -> None:
    def template(mode: str, size: str = "t3.small") -> dict[str, object]:
        text = user_data_of((), {ENVIRONMENT_FILE: {"MODE": mode}})
        data = {"InstanceType": size, "UserData": {"Fn::Base64": text}}
        kind = "AWS::EC2::LaunchTemplate"
        return {"Resources": {"Launch": {"Type": kind, "Properties": {"LaunchTemplateData": data}}}}

    old, new, larger = template("a"), template("b"), template("b", "m6i.large")
    assert list(in_words(old, {}, new, {})) == ["the environment changed (MODE)"]
    assert list(in_words(old, {}, larger, {})) == [
        "the environment changed (MODE)",
        "Launch changed (LaunchTemplateData)",
    ]


def test_what_is_beside_the_resources_is_told_where_nothing_else_changed() -> None:
    old = {"Outputs": {"A": {"Value": "1"}}, "Metadata": {"Provisimus::Before": "x"}}
    new = {"Outputs": {"A": {"Value": "2"}}, "Description": "other"}
    assert list(sections_in_words(old, new)) == [
        "the template's description changed",
        "the template's outputs changed (A)",
    ]
    assert list(sections_in_words(old, {"Outputs": old["Outputs"]})) == []


def test_a_long_reason_is_shortened() -> None:
    words = [f"R{each} changed" for each in range(MOST + 17)]
    assert shortened(words) == [*words[:MOST], "and 17 more"]
    assert shortened(words[: MOST + 1]) == words[: MOST + 1]


def test_a_swap_that_was_interrupted_is_seen_from_the_stack() -> None:
    why = "a swap was interrupted before the new instance took the volumes over"
    assert verdict(wanted(**BASE), wanted("1.0.1", **BASE), NEW, half=True) == ("resume", why)
    assert verdict(wanted(**BASE), wanted(**BASE), half=True) == ("resume", why)
