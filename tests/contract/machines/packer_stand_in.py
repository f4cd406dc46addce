"""Makes the calls of Packer 1.6.6's `amazon-ebs`, in its order and no others; no machine, no SSH.

What it is told is our own template, the last argument. Uses nothing but the standard library: it
is started a hundred times.
"""

import http.client
import json
import re
import sys
from pathlib import Path
from urllib.parse import urlencode, urlsplit

if sys.argv[1] == "version":
    sys.stdout.write("Packer v1.6.6\n")
    sys.exit()
if sys.argv[1] == "validate":
    sys.exit()

BUILD = json.loads(Path(sys.argv[-1]).read_text())["builders"][0]
WHERE = urlsplit(BUILD["custom_endpoint_ec2"]).netloc
CLAIM = f"AWS4-HMAC-SHA256 Credential=test/20260101/{BUILD['region']}/ec2/aws4_request"


def call(action, **given):
    body = urlencode({"Action": action, "Version": "2016-11-15", **given})
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": CLAIM}
    connection = http.client.HTTPConnection(WHERE, timeout=60)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        sys.exit(f"{action}: {text}")
    return text


def one(name, text):
    return re.search(f"<{name}>([^<]+)</{name}>", text)[1]


def tagging(tags, kind=None, number=1):
    prefix = f"TagSpecification.{number}." if kind else ""
    given = {f"{prefix}ResourceType": kind} if kind else {}
    for index, (key, value) in enumerate(sorted(tags.items()), 1):
        given[f"{prefix}Tag.{index}.Key"] = key
        given[f"{prefix}Tag.{index}.Value"] = value
    return given


def say(text, kind="say", mark="==>"):
    sys.stdout.write(f"1795385166,,ui,{kind},{mark} amazon-ebs: {text}\n")
    sys.stdout.flush()


name = BUILD["ami_name"]
say(f"Prevalidating AMI Name: {name}")
call("DescribeImages", **{"Filter.1.Name": "name", "Filter.1.Value.1": name})
call("DescribeImages", **{"ImageId.1": BUILD["source_ami"]})
key = BUILD["temporary_key_pair_name"]
say(f"Creating temporary keypair: {key}")
call("CreateKeyPair", KeyName=key)
call("DescribeSecurityGroups", **{"GroupId.1": BUILD["security_group_id"]})
say("Launching a source AWS instance...")
root = BUILD["launch_block_device_mappings"][0]
started = call(
    "RunInstances",
    ImageId=BUILD["source_ami"],
    InstanceType=BUILD["instance_type"],
    MinCount=1,
    MaxCount=1,
    KeyName=key,
    **{
        "SecurityGroupId.1": BUILD["security_group_id"],
        "BlockDeviceMapping.1.DeviceName": root["device_name"],
        "BlockDeviceMapping.1.Ebs.VolumeSize": root["volume_size"],
        "BlockDeviceMapping.1.Ebs.DeleteOnTermination": "true",
    },
    **tagging(BUILD["run_tags"], "instance"),
    **tagging(BUILD["run_volume_tags"], "volume", 2),
)
instance = one("instanceId", started)
say(f"Instance ID: {instance}", "message", "   ")
call("DescribeInstances", **{"InstanceId.1": instance})
call("DescribeInstances", **{"InstanceId.1": instance})
say("Stopping the source instance...")
call("StopInstances", **{"InstanceId.1": instance})
call("DescribeInstances", **{"InstanceId.1": instance})
say(f"Creating AMI {name} from instance {instance}")
image = one("imageId", call("CreateImage", InstanceId=instance, Name=name))
say(f"AMI: {image}", "message", "   ")
described = call("DescribeImages", **{"ImageId.1": image})
call(
    "ModifyImageAttribute",
    ImageId=image,
    **{"Description.Value": BUILD["ami_description"]},
)
call("DescribeImages", **{"ImageId.1": image})
snapshots = re.findall("<snapshotId>(snap-[^<]+)<", described)
resources = {f"ResourceId.{index}": each for index, each in enumerate([image, *snapshots], 1)}
call("CreateTags", **resources, **tagging(BUILD["tags"]))
call(
    "CreateTags",
    **{f"ResourceId.{index}": each for index, each in enumerate(snapshots, 1)},
    **tagging(BUILD["snapshot_tags"]),
)
say("Terminating the source AWS instance...")
call("TerminateInstances", **{"InstanceId.1": instance})
call("DescribeInstances", **{"InstanceId.1": instance})
call("DescribeVolumes", **{"Filter.1.Name": "tag-key", "Filter.1.Value.1": "none"})
call("DeleteKeyPair", KeyName=key)
