"""An elastic address is where EC2 says it is: the machine is told when it comes and goes."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os
import threading
from types import SimpleNamespace

os.environ["MOTO_ACCOUNT_ID"] = "123456789012"

import boto3
from moto import mock_aws
from moto.ec2.models import ec2_backends

from provisimus.localcloud.hooks import network, vpc

told = {}
cloud = SimpleNamespace(
    account="123456789012", port=4800, changes=threading.RLock(),
    networks=SimpleNamespace(unavailable="not here", lost=[]),
    instances=lambda: [
        instance
        for reservation in ec2_backends["123456789012"]["eu-west-1"].reservations.values()
        for instance in reservation.instances
    ],
    machines=SimpleNamespace(
        is_running=lambda identifier: True,
        set_interface=lambda identifier, interface: told.update(
            {identifier: interface.public_address}
        ),
    ),
)
vpc.install()
network.install(cloud)
with mock_aws():
    ec2 = boto3.client("ec2", "eu-west-1")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=2, MaxCount=2, SubnetId=subnet)
    first, second = (each["InstanceId"] for each in made["Instances"])
    address = ec2.allocate_address(Domain="vpc")
    public, allocation = address["PublicIp"], address["AllocationId"]
    names = {public: "elastic"}

    def say():
        network.apply(cloud)
        print(*(names.get(told[each], "another") for each in (first, second)))

    ec2.associate_address(AllocationId=allocation, InstanceId=first)
    say()
    ec2.stop_instances(InstanceIds=[first])
    ec2.start_instances(InstanceIds=[first])
    say()
    moved = ec2.associate_address(
        AllocationId=allocation, InstanceId=second, AllowReassociation=True
    )
    say()
    try:
        ec2.release_address(AllocationId=allocation)
    except ec2.exceptions.ClientError as error:
        print(error.response["Error"]["Code"])
    ec2.disassociate_address(AssociationId=moved["AssociationId"])
    say()
    ec2.release_address(AllocationId=allocation)
"""


def test_a_machine_has_the_elastic_address_for_as_long_as_it_is_associated() -> None:
    # In a process of its own: hooks change moto for good.
    done = subprocess.run((sys.executable, "-c", PROGRAM), capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "elastic another",
        "elastic another",
        "another elastic",
        "InvalidIPAddress.InUse",
        "another another",
    ]
