"""Stacks of the small types: made, changed, kept, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from provisimus.errors import InvalidDefinitions

if TYPE_CHECKING:
    from conftest import Scene

TOPIC = """
Parameters:
  VpcId: {Type: String}
  Name: {Type: String, Default: news}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Sub "${Name} of ${VpcId}"
Outputs:
  Arn: {Value: !Ref Topic}
"""


def test_a_zone_of_names(scene: Scene) -> None:
    zone = "type: dns\nzone: acme.example\nrecords:\n- {name: www, values: [192.0.2.1]}\n"
    scene.declare("names", zone)
    made = scene.applied("names")
    assert made.outputs["NameServers"].count(",") == 3
    scene.declare("names", zone + "- {name: mail, values: [192.0.2.2]}\n")
    assert "is new" in scene.planned("names").reason
    changed = scene.applied("names")
    assert changed.outputs == made.outputs
    assert scene.planned("names").change == "none"
    scene.deleted("names")


def test_a_zone_that_only_a_network_sees(scene: Scene) -> None:
    scene.declare("main", "type: network\n")
    scene.declare("names", "type: dns\nzone: acme.internal\nnetworks: [main]\n")
    scene.applied("main")
    made = scene.applied("names")
    assert made.outputs.keys() == {"ZoneId"}
    scene.deleted("names")
    scene.deleted("main")


def test_roles(scene: Scene) -> None:
    name = scene.workspace.name
    people = "operators: ['arn:aws:iam::111122223333:root']\n"
    scene.declare("access", f"type: access\nrole: {name}\n{people}")
    made = scene.applied("access")
    assert made.outputs["OperatorRoleArn"].endswith(f":role/{name}")
    more = "readers: ['arn:aws:iam::111122223333:root']\n"
    scene.declare("access", f"type: access\nrole: {name}\n{people}{more}")
    changed = scene.applied("access")
    assert changed.outputs["ReaderRoleArn"].endswith(f":role/{name}-reader")
    scene.deleted("access")


def test_a_template_of_ones_own(scene: Scene) -> None:
    scene.declare("main", "type: network\n")
    (scene.root / "stacks/topic.yaml.template").write_text(TOPIC)
    own = "type: raw\ntemplate: topic.yaml.template\nparameters: {VpcId: '${stack:main.VpcId}'}\n"
    scene.declare("news", own)
    main = scene.applied("main")
    made = scene.applied("news")
    cloud = scene.environment.cloud
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sns = boto3.client("sns", region_name=cloud.region, endpoint_url=cloud.endpoint, **keys)
    told = sns.get_topic_attributes(TopicArn=made.outputs["Arn"])["Attributes"]
    assert told["DisplayName"] == f"news of {main.outputs['VpcId']}"

    (scene.root / "stacks/topic.yaml.template").write_text(TOPIC.replace("of $", "in $"))
    assert scene.planned("news").reason == "Topic changed (DisplayName)"
    scene.applied("news")
    (scene.root / "stacks/topic.yaml.template").unlink()
    with pytest.raises(InvalidDefinitions, match="cannot be read: No such file"):
        scene.planned("news")
    scene.deleted("news")
    scene.deleted("main")
