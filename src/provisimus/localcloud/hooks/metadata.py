"""From moto's instance to what its metadata service says, and keys of the role that it plays.

Keys are real ones of a session that STS knows: ``sts get-caller-identity`` names the role and the
instance. As on AWS they are good for six hours and renewed well before they expire.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from provisimus.localcloud.hooks import describe
from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.metadata.description import (
    Credentials,
    Description,
    Disk,
    Group,
    Key,
    Network,
    Options,
    Profile,
)
from provisimus.localcloud.metadata.service import Tokens, exchange
from provisimus.localcloud.metadata.tcp import Answer
from provisimus.localcloud.network import gateway

SESSION = timedelta(hours=6)
_RENEW = timedelta(minutes=30)
"""How long before they expire keys are renewed; AWS promises at least five minutes."""


@dataclass
class MetadataService:
    """Answers for every instance of one cloud. Safe in any thread."""

    cloud: Cloud
    _tokens: dict[str, Tokens] = field(default_factory=dict)
    _keys: dict[tuple[str, str], Credentials] = field(default_factory=dict)

    def exchange(self, identifier: str, data: bytes) -> Answer | None:
        """The answer to what came from one instance; None while the request is not whole."""
        with self.cloud.changes:
            tokens = self._tokens.setdefault(identifier, Tokens(secrets.token_bytes(32)))
            described = self.describe(identifier)
        return exchange(data, described, tokens, time.time())

    def describe(self, identifier: str) -> Description:
        """The instance as it is now. Raises KeyError when there is none."""
        for backend in _backends(self.cloud):
            for reservation in list(backend.reservations.values()):
                for instance in list(reservation.instances):
                    if instance.id == identifier:
                        profile = self._profile(backend, instance)
                        return _description(self.cloud, reservation.id, instance, profile)
        raise KeyError(identifier)

    def _profile(self, backend: Any, instance: Any) -> Profile | None:
        association = backend.iam_instance_profile_associations.get(instance.id)
        if association is None:
            return None
        profile = association.iam_instance_profile
        if not profile.roles:
            return Profile(profile.arn, profile.id)
        role = profile.roles[0]
        return Profile(profile.arn, profile.id, role.name, self._session(instance.id, role.arn))

    def _session(self, identifier: str, role: str) -> Credentials:
        known = self._keys.get((identifier, role))
        now = datetime.now(UTC)
        if known is not None and known.until - now > _RENEW:
            return known
        from moto.sts.models import sts_backends

        region = self.cloud.region
        made = sts_backends[self.cloud.account]["aws"].assume_role(
            region_name=region, role_session_name=identifier, role_arn=role, policy="",
            duration=int(SESSION.total_seconds()), external_id="",
        )  # fmt: skip
        keys = Credentials(
            made.access_key_id, made.secret_access_key, made.session_token, now, now + SESSION
        )
        self._keys[identifier, role] = keys
        self.cloud.changed()
        return keys


def _backends(cloud: Cloud) -> list[Any]:
    from moto.ec2.models import ec2_backends

    return list(ec2_backends[cloud.account].values())


def _description(
    cloud: Cloud, reservation: str, instance: Any, profile: Profile | None
) -> Description:
    backend, options = instance.ec2_backend, instance.metadata_options
    nic = instance.nics[0]
    vpc = backend.get_vpc(nic.subnet.vpc_id)
    zone = nic.subnet.availability_zone
    return Description(
        instance=instance.id,
        image=instance.image_id,
        type=instance.instance_type,
        account=cloud.account,
        reservation=reservation,
        launch_index=int(instance.ami_launch_index or 0),
        architecture=instance.architecture or "x86_64",
        since=_utc(instance.launch_time),
        region=backend.region_name,
        zone=zone,
        zone_id=nic.subnet.availability_zone_id or "",
        hostname=instance.private_dns_name,
        endpoint=f"http://{gateway(nic.subnet.cidr_block)}:{cloud.port}",
        options=Options(
            enabled=options.http_endpoint != "disabled",
            tokens_required=options.http_tokens == "required",
            hop_limit=options.http_put_response_hop_limit,
            tags=options.instance_metadata_tags == "enabled",
        ),
        network=Network(
            interface=nic.id,
            mac=nic.mac_address,
            private_address=nic.private_ip_address,
            public_address=nic.public_ip,
            public_hostname=instance.public_dns_name,
            subnet=nic.subnet.id,
            subnet_block=nic.subnet.cidr_block,
            vpc=vpc.id,
            vpc_block=vpc.cidr_block,
            groups=tuple(Group(group.id, group.name) for group in nic.group_set),
        ),
        disks=tuple(
            Disk(name, name == instance.root_device_name)
            for name, _ in sorted(instance.get_block_device_mapping)
        ),
        tags=tuple((tag["key"], tag["value"]) for tag in instance.get_tags()),
        keys=tuple(Key(instance.key_name, material) for material in describe.public_keys(instance)),
        profile=profile,
        user_data=describe.user_data(instance.user_data),
    )


def _utc(when: Any) -> datetime:
    """Moto's times are in UTC without saying so."""
    moment = datetime.fromisoformat(when.rstrip("Z")) if isinstance(when, str) else when
    return moment.replace(tzinfo=UTC)
