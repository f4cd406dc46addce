"""The stack type `autoscaled-service`: instances of a machine image behind a load balancer.

Instances are replaced by an instance refresh, which waits for each new one to be healthy at the
load balancer and goes back where it does not, or where an alarm says so.
"""

from __future__ import annotations

from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.stacks import permissions
from provisimus.stacks.resource_change import ResourceChange
from provisimus.stacks.types import around_balancer as around
from provisimus.stacks.types import logs, parts
from provisimus.stacks.types.interface import IMAGE_ID, StackType, Template, WantedStack
from provisimus.stacks.wiring import wired
from provisimus.user_data import ENVIRONMENT_FILE, LOGGING_FILE, literally, user_data_of
from provisimus.workspace.definitions.stacks.autoscaled_service import (
    AutoscaledServiceDefinition,
    Scaling,
)

Wanted = WantedStack[AutoscaledServiceDefinition]

GROUP = "AWS::AutoScaling::AutoScalingGroup"


class AutoscaledService(StackType[AutoscaledServiceDefinition]):
    name = "autoscaled-service"
    definition = AutoscaledServiceDefinition
    summary = "as many instances of a machine image as are needed, behind a load balancer"
    example = """\
type: autoscaled-service
version: 1.0.0                  # what runs; without it, name one: release greeter@1.0.0
machine: greeter                # packer/greeter; the default is the stack's own name
network: default                # the account's default VPC; or a stack of type network: main
instance_type: t3.small
instances: {min: 2, max: 6}
balancer:
  public: true                  # false: reached within the VPC only
  from: [0.0.0.0/0]             # who may reach it
  # certificate: web            # a stack of type certificate, or an ARN: TLS, HTTP is turned away
scaling: {cpu: 60}              # percent over the group; or requests: 1000, a minute and instance
replacement:                    # how a new version comes in: one healthy instance after another
  at_least: 100                 # percent that stay healthy
  at_most: 200
  bake: 5m                      # so long the alarms may still call it back
alarms: {errors: 10}            # answers with 5xx in a minute
environment: {GREETER_MODE: blue}
# logs: {keep: 30d}             # what the containers log, in CloudWatch Logs
environments:                   # what differs, per environment
  production: {instance_type: m6i.large, instances: {min: 4, max: 20}}
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        asked = wanted.definition
        port = _port(wanted)
        template = {
            **parts.head(f"{wanted.service}: instances behind a load balancer"),
            "Parameters": {
                **parts.image_parameters(),
                **parts.vpc_parameter(),
                **parts.subnets_parameter("SubnetIds", "The subnets of the instances."),
                **parts.subnets_parameter("FrontSubnetIds", "The subnets of the load balancer."),
                **parts.size_parameters(asked.key_name),
            },
            "Resources": {
                "BalancerSecurityGroup": around.front_group(wanted),
                "SecurityGroup": _group(wanted, port),
                "Role": parts.instance_role(
                    f"The instances of {wanted.service}",
                    [*permissions.reading(asked.environment), *logs.writing_logs(asked.logs)],
                ),
                "InstanceProfile": parts.instance_profile(),
                "LaunchTemplate": _launch_template(wanted),
                "LoadBalancer": around.load_balancer(wanted),
                around.targets_of(wanted): around.targets(wanted, port),
                **around.listeners(wanted),
                "Instances": _instances(wanted),
                **(_scaling(wanted, asked.scaling) if asked.scaling else {}),
                **_alarms(wanted),
                **_name(wanted),
                **logs.log_group(asked.logs),
            },
            "Outputs": {**_outputs(wanted), **logs.log_output(asked.logs)},
        }
        return wired(template, wanted.network.wires)

    def parameters(self, wanted: Wanted) -> dict[str, str]:
        asked, network = wanted.definition, wanted.network
        values = {
            "Version": wanted.version,
            "VpcId": network.vpc,
            "SubnetIds": ",".join(network.subnets),
            "FrontSubnetIds": ",".join(network.front),
            "InstanceType": asked.instance_type,
        }
        if asked.key_name:
            values["KeyName"] = asked.key_name
        return parts.given(wanted, values)

    def effect(self, change: ResourceChange, template: Template) -> str | None:
        del template
        if change.kind != GROUP or change.action != "Modify" or change.replacement == "True":
            return None
        if "LaunchTemplate" in change.properties:
            return "one healthy instance after another takes an old one's place: no interruption"
        if "TargetGroupARNs" in change.properties:
            return "its instances register with the other load balancer, none is replaced"
        return "instances come or go as it says, none is replaced"


def _port(wanted: Wanted) -> int:
    """Raises InvalidDefinitions for a machine that a load balancer cannot ask for its health."""
    if wanted.health is None or wanted.health.http is None:
        where = f"stacks/{wanted.service}.yaml"
        message = "the machine has no health check over HTTP, which a load balancer needs"
        hint = "add health: {http: {port: 8080}} to machine.yaml"
        raise InvalidDefinitions([Problem(where, None, "machine", message, hint)])
    return wanted.definition.port or wanted.health.http.port


# ---- who may reach it ----------------------------------------------------------------------------


def _group(wanted: Wanted, port: int) -> dict[str, Any]:
    front = parts.group_id("BalancerSecurityGroup")
    asked = dict.fromkeys((port, around.health_path(wanted)[0]))
    rules = [parts.port_from_group(each, front, "the load balancer") for each in asked]
    rules += [parts.rule(each) for each in wanted.definition.ingress]
    return parts.security_group(f"{wanted.service}: who may reach its instances", rules)


# ---- the instances -------------------------------------------------------------------------------


def _launch_template(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition
    data: dict[str, Any] = {
        "ImageId": {"Ref": IMAGE_ID},
        "InstanceType": {"Ref": "InstanceType"},
        "SecurityGroupIds": [parts.group_id("SecurityGroup")],
        "IamInstanceProfile": {"Arn": {"Fn::GetAtt": ["InstanceProfile", "Arn"]}},
        "MetadataOptions": dict(parts.METADATA),
        "BlockDeviceMappings": parts.root_disk(),
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": parts.named()} for kind in ("instance", "volume")
        ],
    }
    if text := _user_data(asked):
        data["UserData"] = {"Fn::Base64": text}
    if asked.key_name:
        data["KeyName"] = {"Ref": "KeyName"}
    return {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": data}}


def _user_data(asked: AutoscaledServiceDefinition) -> Any:
    """Text; with the name of the log group in it, what Fn::Sub makes one of."""
    if asked.logs is None:
        told = {ENVIRONMENT_FILE: dict(asked.environment)} if asked.environment else {}
        return user_data_of((), told)
    own = {name: literally(value) for name, value in asked.environment.items()}
    group = logs.logging_of(asked.logs)
    told = {ENVIRONMENT_FILE: {**logs.log_variables(asked.logs), **own}}
    return {"Fn::Sub": user_data_of((), {**({LOGGING_FILE: group} if group else {}), **told})}


def _instances(wanted: Wanted) -> dict[str, Any]:
    """The group. Its launch template's version is a number, so a change of the template changes
    the group, and both are rolled back together."""
    asked = wanted.definition
    assert wanted.health is not None
    preferences: dict[str, Any] = {
        "MinHealthyPercentage": asked.replacement.at_least,
        "MaxHealthyPercentage": asked.replacement.at_most,
        "InstanceWarmup": asked.replacement.warmup,
        "SkipMatching": True,
        # An alarm that rings calls the replacement back.
        "AlarmSpecification": {"Alarms": [{"Ref": "ErrorsAlarm"}]},
    }
    if asked.replacement.bake:
        preferences["BakeTime"] = asked.replacement.bake
    return {
        "Type": GROUP,
        # A target group takes no instances before a listener uses it.
        "DependsOn": ["Listener"],
        "UpdatePolicy": {
            "AutoScalingInstanceRefresh": {"Strategy": "Rolling", "Preferences": preferences}
        },
        "Properties": {
            "MinSize": str(asked.instances.min),
            "MaxSize": str(asked.instances.max),
            "VPCZoneIdentifier": {"Ref": "SubnetIds"},
            "LaunchTemplate": {
                "LaunchTemplateId": {"Ref": "LaunchTemplate"},
                "Version": {"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]},
            },
            "TargetGroupARNs": [{"Ref": around.targets_of(wanted)}],
            "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": min(wanted.health.within, 7200),
            "Tags": [{**parts.named()[0], "PropagateAtLaunch": True}],
        },
    }


def _scaling(wanted: Wanted, scaling: Scaling) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if scaling.cpu is not None:
        found["ScaleByCpu"] = _tracking(
            {"PredefinedMetricType": "ASGAverageCPUUtilization"}, scaling.cpu
        )
    if scaling.requests is not None:
        names = [
            around.full_name("LoadBalancer"),
            around.full_name("TargetGroup", around.targets_of(wanted)),
        ]
        label = {"Fn::Join": ["/", names]}
        metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
        found["ScaleByRequests"] = _tracking(metric, scaling.requests)
    return found


def _tracking(metric: dict[str, Any], target: int) -> dict[str, Any]:
    return {
        "Type": "AWS::AutoScaling::ScalingPolicy",
        "Properties": {
            "AutoScalingGroupName": {"Ref": "Instances"},
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingConfiguration": {
                "PredefinedMetricSpecification": metric,
                "TargetValue": target,
            },
        },
    }


# ---- alarms and names ----------------------------------------------------------------------------


def _alarms(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition.alarms
    where = {
        "LoadBalancer": around.full_name("LoadBalancer"),
        "TargetGroup": around.full_name("TargetGroup", around.targets_of(wanted)),
    }
    actions = [parts.arn_in(each, wanted.others, "TopicArn") for each in asked.notify]
    return {
        "ErrorsAlarm": parts.alarm(
            f"{wanted.service} answers with errors",
            ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"),
            where,
            above=asked.errors,
            of=(3, 5),
            statistic="Sum",
            actions=actions,
        ),
        "UnhealthyAlarm": parts.alarm(
            f"an instance of {wanted.service} does not answer its health check",
            ("AWS/ApplicationELB", "UnHealthyHostCount"),
            where,
            above=0,
            of=(5, 5),
            statistic="Maximum",
            actions=actions,
        ),
    }


def _name(wanted: Wanted) -> dict[str, Any]:
    dns = wanted.definition.dns
    if dns is None:
        return {}
    target = {
        "DNSName": {"Fn::GetAtt": ["LoadBalancer", "DNSName"]},
        "HostedZoneId": {"Fn::GetAtt": ["LoadBalancer", "CanonicalHostedZoneID"]},
    }
    return {
        "Name": {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {
                "HostedZoneId": parts.zone_id(dns.zone, wanted.others),
                "Name": dns.name,
                "Type": "A",
                "AliasTarget": target,
            },
        }
    }


def _outputs(wanted: Wanted) -> dict[str, Any]:
    asked = wanted.definition
    scheme = "https" if asked.balancer.certificate else "http"
    name = asked.dns.name if asked.dns else "${LoadBalancer.DNSName}"
    url: Any = f"{scheme}://{name}/"
    return {
        "Version": {"Value": {"Ref": "Version"}},
        "Url": {"Value": url if asked.dns else {"Fn::Sub": url}},
        "AutoScalingGroup": {"Value": {"Ref": "Instances"}},
        "TargetGroupArn": {"Value": {"Ref": around.targets_of(wanted)}},
        "LoadBalancerDnsName": {"Value": {"Fn::GetAtt": ["LoadBalancer", "DNSName"]}},
        "SecurityGroupId": {"Value": parts.group_id("SecurityGroup")},
    }


TYPE = AutoscaledService()
