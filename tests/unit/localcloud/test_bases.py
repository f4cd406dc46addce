"""What goes onto a base disk, as far as it can be said without making one."""

from __future__ import annotations

from pathlib import Path

import yaml

from provisimus.localcloud.bases import debian, tiny
from provisimus.localcloud.bases.bootable import (
    BootEntry,
    extlinux_configuration,
    make_file_system,
    make_partition,
)
from provisimus.localcloud.bases.recipe import Recipe

DISK = Path("disk.raw")


def test_the_boot_loader_waits_for_nobody():
    assert extlinux_configuration(BootEntry("/boot/vmlinuz", "/boot/initrd", "quiet")) == (
        "DEFAULT local\nPROMPT 0\nTIMEOUT 0\n"
        "LABEL local\n  LINUX /boot/vmlinuz\n  INITRD /boot/initrd\n  APPEND quiet\n"
    )


def test_a_kernel_may_start_without_an_initramfs():
    assert "INITRD" not in extlinux_configuration(BootEntry("/boot/vmlinuz", None, "quiet"))


def test_the_file_system_is_one_that_the_boot_loader_reads():
    arguments = make_file_system(DISK, 8 * 1024**3)
    features = arguments[arguments.index("-O") + 1].split(",")
    assert {"^64bit", "^metadata_csum"} <= set(features)
    assert arguments[-2:] == ("disk.raw", str((8 * 1024**3 - 2 * 1024**2) // 4096))


def test_the_partition_is_bootable_and_known_by_its_id():
    arguments = make_partition(DISK)
    assert "--attributes=1:set:2" in arguments
    assert any(a.startswith("--partition-guid=1:70726f76") for a in arguments)


def test_the_bootstrap_reads_the_machines_own_package_sources():
    arguments = debian.bootstrap_arguments(
        Recipe("debian", "bookworm", ("docker.io",)), Path("scratch/root")
    )
    assert arguments[-2:] == ("bookworm", "scratch/root")
    assert any(a.startswith("--include=") and a.endswith(",docker.io") for a in arguments)
    assert not any("://" in argument for argument in arguments)


def test_no_file_of_the_base_names_an_index():
    assert not any("http" in text for text in debian.files().values())


def test_cloud_init_is_configured_as_yaml_with_the_user_of_debians_images():
    settings = yaml.safe_load(debian.files()["etc/cloud/cloud.cfg"])
    assert settings["system_info"]["default_user"]["name"] == "admin"
    assert settings["datasource_list"] == ["NoCloud", "Ec2", "None"]


def test_every_program_of_the_tiny_base_is_a_script():
    assert all(text.startswith("#!/bin/sh\n") for text in tiny.programs().values())
    assert "httpd -p 8080" in tiny.programs()["init"]


def test_the_metadata_card_takes_no_default_route_and_holds_up_nothing():
    card = debian.files()["etc/systemd/network/70-metadata.network"]
    assert "DHCP" not in card
    assert "Gateway" not in card
    assert "RequiredForOnline=no" in card
    assert "DuplicateAddressDetection=none" in card
    assert "Address=169.254.169.1/32\nPeer=169.254.169.254/32" in card


def test_without_the_card_the_metadata_address_is_not_looked_for_elsewhere():
    route = debian.files()["etc/systemd/network/80-dhcp.network"].partition("[Route]")[2]
    assert "Destination=169.254.169.254/32\nType=unreachable" in route


def test_only_an_emulated_machine_tells_the_time_by_the_hpet():
    """An accelerated one has a clock of its hypervisor's, which is right and cheaper to ask."""
    unit = debian.files()["etc/systemd/system/provisimus-clock.service"]
    assert "ConditionVirtualization=qemu\n" in unit
    assert "echo hpet >" in unit
