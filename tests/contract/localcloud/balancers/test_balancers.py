"""Load balancers of a really started local cloud, with servers at claimed addresses of their VPC.

Documentation followed: Elastic Load Balancing API reference (version 2) and user guide for
Application Load Balancers; ACM user guide, "DNS validation"; CloudWatch metrics for your
Application Load Balancer.
"""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.balancers.conftest import eventually
from tests.contract.localcloud.balancers.vpc import Place
from tests.contract.localcloud.conftest import LocalCloud


@pytest.fixture
def place(cloud: LocalCloud) -> Iterator[Place]:
    if "namespace" not in cloud.status()["networks"] or os.geteuid() != 0:
        pytest.skip("networks cannot be made or entered here")
    made = Place(cloud)
    yield made
    made.close()


def test_a_balancer_is_reached_at_its_name_and_sends_to_healthy_targets(place: Place) -> None:
    one, two = place.server(), place.server()
    group = place.group()
    balancer = place.balancer()
    assert balancer["State"]["Code"] == "provisioning"
    place.listen(balancer, group)
    place.elb.register_targets(
        TargetGroupArn=group, Targets=[{"Id": one.address}, {"Id": two.address}]
    )
    eventually(lambda: place.described(balancer)["State"]["Code"] == "active")
    eventually(lambda: place.states(group) == {one.address: "healthy", two.address: "healthy"})
    url = f"http://{balancer['DNSName']}:{place.port}/"
    assert {httpx.get(url).text for _ in range(6)} == {one.address, two.address}

    one.stop()
    told = eventually(lambda: (h := place.health(group))[one.address]["State"] == "unhealthy" and h)
    assert told[one.address]["Reason"] in ("Target.FailedHealthChecks", "Target.Timeout")
    assert told[two.address] == {"State": "healthy"}
    assert {httpx.get(url).text for _ in range(6)} == {two.address}


def test_a_target_that_leaves_drains_and_what_is_deleted_is_gone(place: Place) -> None:
    one = place.server()
    group = place.group()
    balancer = place.balancer()
    assert place.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"] == []
    place.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": one.address}])
    assert place.health(group)[one.address]["Reason"] == "Target.NotInUse"
    place.listen(balancer, group)
    eventually(lambda: place.states(group) == {one.address: "healthy"})

    arn = balancer["LoadBalancerArn"]
    name = arn.partition("loadbalancer/")[2]
    cloudwatch = place.cloud.client("cloudwatch")
    metrics = eventually(
        lambda: cloudwatch.list_metrics(
            Namespace="AWS/ApplicationELB", MetricName="HealthyHostCount"
        )["Metrics"]
    )
    assert {each["Value"] for each in metrics[0]["Dimensions"]} == {
        name, group.rpartition(":")[2],
    }  # fmt: skip

    def leave(seconds: int) -> None:
        place.elb.modify_target_group_attributes(
            TargetGroupArn=group,
            Attributes=[
                {"Key": "deregistration_delay.timeout_seconds", "Value": str(seconds)},
            ],
        )
        place.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": one.address}])

    leave(3000)
    told = place.health(group)[one.address]
    assert (told["State"], told["Reason"]) == ("draining", "Target.DeregistrationInProgress")
    url = f"http://{balancer['DNSName']}:{place.port}/"
    eventually(lambda: httpx.get(url).status_code == 503)
    place.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": one.address}])
    eventually(lambda: place.states(group) == {one.address: "healthy"})
    leave(1)
    eventually(lambda: place.states(group) == {})

    ec2 = place.cloud.client("ec2")
    own = [{"Name": "description", "Values": [f"ELB {name}"]}]
    cards = ec2.describe_network_interfaces(Filters=own)["NetworkInterfaces"]
    assert [each["RequesterManaged"] for each in cards] == [True, True]
    with pytest.raises(ClientError, match="currently in use"):
        ec2.delete_network_interface(NetworkInterfaceId=cards[0]["NetworkInterfaceId"])
    with pytest.raises(ClientError, match="ResourceInUse"):
        place.elb.delete_target_group(TargetGroupArn=group)
    pid = next(e["pid"] for e in place.cloud.status()["balancers"] if e["name"] == "front")
    place.elb.delete_load_balancer(LoadBalancerArn=arn)
    place.elb.delete_target_group(TargetGroupArn=group)
    assert not ec2.describe_network_interfaces(Filters=own)["NetworkInterfaces"]
    assert not alive(pid)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_certificates_are_issued_for_whose_record_is_there_and_used(place: Place) -> None:
    acm, route53 = place.cloud.client("acm"), place.cloud.client("route53")
    arn = acm.request_certificate(
        DomainName="www.acme.test",
        SubjectAlternativeNames=["*.www.acme.test"],
        ValidationMethod="DNS",
    )["CertificateArn"]
    told = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert told["Status"] == "PENDING_VALIDATION"
    (record,) = {
        (each["ResourceRecord"]["Name"], each["ResourceRecord"]["Value"])
        for each in told["DomainValidationOptions"]
    }
    balancer, group, one = place.balancer(), place.group(), place.server()
    secure: dict[str, Any] = {
        "Protocol": "HTTPS",
        "Port": place.tls_port,
        "Certificates": [{"CertificateArn": arn}],
        "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
    }
    with pytest.raises(ClientError, match="UnsupportedCertificate"):
        place.listen(balancer, group, **secure)
    with pytest.raises(ClientError, match="RequestInProgress"):
        acm.get_certificate(CertificateArn=arn)

    zone = route53.create_hosted_zone(Name="acme.test", CallerReference="1")["HostedZone"]["Id"]
    change = {
        "Action": "CREATE",
        "ResourceRecordSet": {
            "Name": record[0],
            "Type": "CNAME",
            "TTL": 60,
            "ResourceRecords": [{"Value": record[1]}],
        },
    }
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"
    place.listen(balancer, group, **secure)
    redirect = {"Protocol": "HTTPS", "Port": str(place.tls_port), "StatusCode": "HTTP_301"}
    place.listen(balancer, group, DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}])
    place.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": one.address}])
    eventually(lambda: place.states(group) == {one.address: "healthy"})

    name = "a.www.acme.test"
    plain = httpx.get(f"http://{balancer['DNSName']}:{place.port}/x", headers={"Host": name})
    assert plain.status_code == 301
    assert plain.headers["location"] == f"https://{name}:{place.tls_port}/x"
    trust = ssl.create_default_context(cafile=place.cloud.directory / "authority" / "ca.pem")
    with httpx.Client(verify=trust) as client:
        answer = client.get(
            f"https://{balancer['DNSName']}:{place.tls_port}/x",
            extensions={"sni_hostname": name},
        )
    assert answer.text == one.address
    with pytest.raises(ClientError, match="ResourceInUse"):
        acm.delete_certificate(CertificateArn=arn)
    in_use = acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"]
    assert in_use == [balancer["LoadBalancerArn"]]


def test_everything_comes_back_after_kill_9(place: Place) -> None:
    one, two = place.server(), place.server()
    group = place.group()
    balancer = place.balancer()
    listener = place.listen(balancer, group)
    place.elb.create_rule(
        ListenerArn=listener,
        Priority=5,
        Conditions=[{"Field": "path-pattern", "Values": ["/fixed"]}],
        Actions=[
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "tea"},
            }
        ],
    )
    place.elb.register_targets(
        TargetGroupArn=group, Targets=[{"Id": one.address}, {"Id": two.address}]
    )
    acm = place.cloud.client("acm")
    acm.request_certificate(DomainName="kept.acme.test", ValidationMethod="DNS")
    eventually(lambda: set(place.states(group).values()) == {"healthy"})
    children = place.cloud.children()
    eventually(lambda: place.cloud.status()["saved"])
    place.close()
    place.cloud.kill()
    eventually(lambda: not any(alive(pid) for pid in children))

    place.cloud.start()
    eventually(lambda: {b["state"] for b in place.cloud.status()["balancers"]} == {"active"})
    assert place.described(balancer)["DNSName"] == balancer["DNSName"]
    for each in (one, two):
        place.servers.append(place.start(each.address))
    eventually(lambda: set(place.states(group).values()) == {"healthy"})
    url = f"http://{balancer['DNSName']}:{place.port}"
    assert {httpx.get(url).text for _ in range(6)} == {one.address, two.address}
    assert httpx.get(f"{url}/fixed").text == "tea"
    (kept,) = place.cloud.client("acm").list_certificates()["CertificateSummaryList"]
    assert kept["DomainName"] == "kept.acme.test"


def test_it_comes_back_in_a_network_that_was_killed(place: Place) -> None:
    one = place.server()
    group = place.group()
    balancer = place.balancer()
    place.listen(balancer, group)
    place.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": one.address}])
    eventually(lambda: set(place.states(group).values()) == {"healthy"})

    def pids() -> set[int]:
        return {each["pid"] for each in place.cloud.status()["balancers"] if each["pid"]}

    before = pids()
    for keeper in place.cloud.keepers():
        os.kill(keeper, signal.SIGKILL)
    eventually(lambda: pids() - before)
    place.servers.append(place.start(one.address))
    eventually(lambda: set(place.states(group).values()) == {"healthy"})
    assert httpx.get(f"http://{balancer['DNSName']}:{place.port}").text == one.address


def test_requests_are_counted(stopped_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudWatch metrics for your Application Load Balancer, RequestCountPerTarget."""
    monkeypatch.setenv("PROVISIMUS_LOCAL_MINUTE", "1")
    stopped_cloud.start()
    if "namespace" not in stopped_cloud.status()["networks"] or os.geteuid() != 0:
        pytest.skip("networks cannot be made or entered here")
    place = Place(stopped_cloud)
    one, two = place.server(), place.server()
    group = place.group()
    balancer = place.balancer()
    place.listen(balancer, group)
    place.elb.register_targets(
        TargetGroupArn=group, Targets=[{"Id": one.address}, {"Id": two.address}]
    )
    eventually(lambda: set(place.states(group).values()) == {"healthy"})
    for _ in range(10):
        httpx.get(f"http://{balancer['DNSName']}:{place.port}")
    cloudwatch = stopped_cloud.client("cloudwatch")

    def total() -> float:
        now = datetime.now(UTC)
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName="RequestCountPerTarget",
            Dimensions=[{"Name": "TargetGroup", "Value": group.rpartition(":")[2]}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=2),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(each["Sum"] for each in found))

    eventually(lambda: total() == 5)
    place.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
