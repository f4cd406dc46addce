"""Where moto's models meet real machines and disks: one file per kind of thing that is hooked.

moto keeps what the API says; a hook makes it true. Each file replaces methods of moto's classes
once, when the process starts: direct calls, Packer and CloudFormation all come through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provisimus.localcloud.hooks.cloud import Cloud


def install(cloud: Cloud) -> None:
    """Hook everything; once in a process, before the first request."""
    from provisimus.localcloud.hooks import (
        balancers,
        buckets,
        certificates,
        console,
        databases,
        direct,
        images,
        instances,
        launching,
        network,
        options,
        parameters,
        policies,
        snapshots,
        status,
        templates,
        types,
        volumes,
        vpc,
    )

    templates.install()
    parameters.install()
    policies.install()
    vpc.install()  # first: what machines follow is wrapped around it
    certificates.install(cloud.layout.authority)
    balancers.install_records()
    for hooked in (
        volumes,
        snapshots,
        direct,
        images,
        instances,
        launching,
        types,
        status,
        options,
        network,
        console,
        databases,
        buckets,
    ):
        hooked.install(cloud)
