"""The kind ``debian``: a small Debian with systemd, SSH and cloud-init, as a cloud's own image has.

Kernel 6.1 of bookworm in its cloud flavour: later ones panic at random under emulation. Docker's
settings and anything about services are a machine definition's business, not the base's.
"""

from __future__ import annotations

import ipaddress
import shutil
from pathlib import Path

from provisimus.localcloud.bases.bootable import ROOT_PARTITION, BootEntry, Run, make_disk
from provisimus.localcloud.bases.recipe import Recipe
from provisimus.localcloud.metadata.frames import ADDRESS, GUEST_ADDRESS, GUEST_MAC

SIZE = 8 * 1024**3
"""Virtual size in bytes; what is not used takes no room."""

PACKAGES = (
    "linux-image-cloud-amd64", "systemd-sysv", "systemd-resolved", "dbus", "udev",
    "initramfs-tools", "zstd", "openssh-server", "cloud-init", "cloud-guest-utils", "sudo",
    "iproute2", "netbase", "ca-certificates", "curl", "procps", "less",
)  # fmt: skip

_EXCLUDED = (
    "/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*",
    "/usr/share/i18n/*", "/usr/share/lintian/*", "/usr/share/bug/*",
)  # fmt: skip
_KEPT = ("/usr/share/doc/*/copyright", "/usr/share/man/man1")

# Under emulation every unit and module costs; none of these does anything for a service's machine.
_MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "fstrim.timer", "logrotate.timer", "e2scrub_reap.service", "ldconfig.service",
    "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "systemd-pstore.service",
    "systemd-hwdb-update.service", "systemd-update-utmp.service", "systemd-binfmt.service",
    "systemd-update-utmp-runlevel.service", "systemd-journal-catalog-update.service",
    "systemd-firstboot.service", "systemd-ask-password-wall.path",
    "systemd-ask-password-console.path", "proc-sys-fs-binfmt_misc.automount",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "dev-hugepages.mount",
    "modprobe@configfs.service", "modprobe@dm_mod.service", "modprobe@drm.service",
    "modprobe@efi_pstore.service", "modprobe@fuse.service", "modprobe@loop.service",
    "getty@tty1.service", "serial-getty@ttyS0.service",
    "cloud-config.service", "cloud-init-hotplugd.socket", "cloud-init-hotplugd.service",
)  # fmt: skip

_UNUSED_MODULES = (
    "ata_generic", "ata_piix", "floppy", "i2c_piix4", "intel_rapl_common", "intel_rapl_msr",
    "mousedev", "parport", "parport_pc", "pata_acpi", "pcspkr", "psmouse", "serio_raw", "sg",
)  # fmt: skip

_CLOUD_CONFIG = """\
# What the image's maker decided; user data may add to it.
datasource_list: [NoCloud, Ec2, None]
datasource:
  NoCloud: {fs_label: cidata}
users: [default]
disable_root: true
preserve_hostname: false
ssh_genkeytypes: [ed25519, ecdsa]
network: {config: disabled}
apt_preserve_sources_list: true
system_info:
  distro: debian
  default_user:
    name: admin
    lock_passwd: true
    gecos: Debian
    groups: [adm, sudo, systemd-journal, docker]
    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
    shell: /bin/bash
  paths: {cloud_dir: /var/lib/cloud/, templates_dir: /etc/cloud/templates/}
  ssh_svcname: ssh
# Each stage costs a start of Python, so the middle one is left out (its unit is masked).
cloud_init_modules:
  [bootcmd, write-files, disk_setup, mounts, set_hostname, users-groups, ssh, runcmd]
cloud_config_modules: []
cloud_final_modules: [package-update-upgrade-install, write-files-deferred, scripts-per-once,
  scripts-per-boot, scripts-per-instance, scripts-user, final-message]
"""

# Without the metadata card, that address must not be looked for elsewhere: on a computer that is
# itself a cloud's instance, the way out would lead to its own metadata service.
_NETWORK = (
    "[Match]\nName=en* eth*\n\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n\n"
    f"[Route]\nDestination={ipaddress.IPv4Address(ADDRESS)}/32\nType=unreachable\nMetric=4096\n"
)
# The card whose other end is the metadata service. It has no router, so it cannot take the default
# route, and nothing waits for it: its address is there as soon as the card is.
_METADATA = (
    f"[Match]\nMACAddress={GUEST_MAC}\n\n[Link]\nRequiredForOnline=no\n\n"
    "[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n\n"
    f"[Address]\nAddress={GUEST_ADDRESS}/32\nPeer={ipaddress.IPv4Address(ADDRESS)}/32\n"
    # A link-local address is otherwise tried for conflicts first, which takes seconds.
    "DuplicateAddressDetection=none\n"
)
_CLOCK_UNIT = "provisimus-clock.service"
_CLOCK = (
    # Without a PIT, Linux learns the rate of its processor's counter from a few microseconds. On a
    # busy computer an emulated one is then some percent too fast, or many times (decision 10).
    "[Unit]\nDescription=Tell the time by the HPET where the processor is emulated\n"
    "DefaultDependencies=no\nBefore=sysinit.target\nConditionVirtualization=qemu\n"
    "[Service]\nType=oneshot\n"
    "ExecStart=/bin/sh -c "
    "'echo hpet >/sys/devices/system/clocksource/clocksource0/current_clocksource'\n"
)
_REPART = "[Partition]\nType=root\n"
_FSTAB = f"PARTUUID={ROOT_PARTITION} / ext4 rw,noatime,discard,x-systemd.growfs 0 0\n"


def bootstrap_arguments(recipe: Recipe, root: Path) -> tuple[str, ...]:
    """The arguments of mmdebstrap, which reads this machine's own package sources."""
    return (
        "mmdebstrap", "--variant=minbase", "--format=directory",
        f"--include={','.join((*PACKAGES, *recipe.packages))}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _EXCLUDED),
        *(f"--dpkgopt=path-include={pattern}" for pattern in _KEPT),
        '--aptopt=APT::Install-Recommends "false"',
        recipe.suite, str(root),
    )  # fmt: skip


def build(run: Run, recipe: Recipe, scratch: Path, target: Path) -> None:
    """Make the disk. Takes one to two minutes on two cores. Raises LocalCloudError."""
    root = scratch / "root"
    run(bootstrap_arguments(recipe, root))
    for path, text in files().items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    _arrange(root)
    kernel = max((root / "boot").glob("vmlinuz-*"))
    shutil.copy(kernel, scratch / "vmlinuz")
    # No initramfs: NVMe and ext4 are built into the cloud kernel, and under emulation it would
    # cost seconds. No AppArmor: compiling its profiles costs ten, and Docker runs without. No
    # accounts of kernel memory: the first has the kernel rewrite its allocator while other
    # processors run it, which hangs a guest of QEMU 7.2 now and then (decision 10).
    entry = BootEntry(
        f"/boot/{kernel.name}",
        None,
        f"root=PARTUUID={ROOT_PARTITION} rw console=ttyS0 loglevel=6 audit=0 "
        "systemd.show_status=false mitigations=off apparmor=0 nowatchdog fsck.mode=skip "
        "cgroup.memory=nokmem rcupdate.rcu_expedited=1 8250.nr_uarts=1 no_timer_check tsc=reliable",
    )
    make_disk(run, scratch, entry, SIZE, target)


def files() -> dict[str, str]:
    """What is written over the bootstrapped system: path to content."""
    return {
        "etc/hostname": "localhost\n",
        "etc/fstab": _FSTAB,
        "etc/machine-id": "uninitialized\n",
        "etc/cloud/cloud.cfg": _CLOUD_CONFIG,
        "etc/cloud/ds-identify.cfg": "policy: enabled\n",
        "etc/systemd/network/70-metadata.network": _METADATA,
        "etc/systemd/network/80-dhcp.network": _NETWORK,
        f"etc/systemd/system/{_CLOCK_UNIT}": _CLOCK,
        "etc/repart.d/50-root.conf": _REPART,
        "etc/systemd/system.conf.d/quick.conf": "[Manager]\nDefaultTimeoutStopSec=15s\n",
        "etc/systemd/journald.conf.d/small.conf": "[Journal]\nSystemMaxUse=64M\n",
        "etc/ssh/sshd_config.d/cloud.conf": (
            "PasswordAuthentication no\nUseDNS no\nGSSAPIAuthentication no\nAcceptEnv no\n"
        ),
        "etc/motd": "",
        "etc/modprobe.d/unused.conf": "".join(f"blacklist {name}\n" for name in _UNUSED_MODULES),
        "etc/apt/apt.conf.d/90no-recommends": 'APT::Install-Recommends "false";\n',
    }


def _arrange(root: Path) -> None:
    """Links and removals: units that are on or off, identity that must not be shared."""
    units = root / "etc/systemd/system"
    for unit in _MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    for unit in ("systemd-networkd.service", "systemd-resolved.service", "ssh.service"):
        link = wanted / unit
        link.unlink(missing_ok=True)
        link.symlink_to(f"/lib/systemd/system/{unit}")
    early = units / "sysinit.target.wants"
    early.mkdir(exist_ok=True)
    (early / _CLOCK_UNIT).symlink_to(f"../{_CLOCK_UNIT}")
    # A bake starts the engine once its settings are written, not twice; a baked machine's own unit
    # starts it, and else its socket does, for whoever asks it something.
    for unit in ("docker.service", "containerd.service"):
        (wanted / unit).unlink(missing_ok=True)
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    shutil.rmtree(root / "var/lib/cloud", ignore_errors=True)
    for script in (root / "etc/update-motd.d").glob("*"):  # each login would run them
        script.unlink()
    # The sources of the machine that built the image mean nothing to whoever starts it.
    for lists in (root / "var/lib/apt/lists").glob("*_*"):
        lists.unlink()
