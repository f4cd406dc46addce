"""The kind ``tiny``: kernel 6.1 and busybox, answering HTTP seconds after power-on.

For rehearsals of stacks, where a whole Debian would only cost time. It serves on port 8080:
``/`` (instance id and user data), ``/health`` (``ok``) and ``/data/`` (the first data volume that
is attached, formatted when blank, with one line per boot in ``/data/boots``). With
``/cgi-bin/ask?/latest/…`` it asks its metadata service, with ``/cgi-bin/ask?http://…`` any other
server, and passes on what that answers; of ``/proc/…`` and ``/sys/…`` it tells what its kernel
says. ``/cgi-bin/keep?WORD`` writes a line more to ``/data/kept``. It powers down on ACPI.
"""

from __future__ import annotations

import gzip
import ipaddress
import shutil
import subprocess
from pathlib import Path

from provisimus.localcloud.bases.bootable import BootEntry, Run, make_disk
from provisimus.localcloud.bases.recipe import Recipe
from provisimus.localcloud.metadata.frames import ADDRESS, GUEST_ADDRESS

SIZE = 1024**3
"""Virtual size in bytes: the smallest volume that EC2 knows."""

_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "isofs", "button", "evdev")

_METADATA = {"own": GUEST_ADDRESS, "metadata": str(ipaddress.IPv4Address(ADDRESS))}

_INIT = """\
#!/bin/sh
# The whole system: started by the kernel as process 1.
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in %(modules)s; do modprobe $module; done
mkdir -p /www /seed /data /etc/acpi/PWRF /run /var/log /var/run
ln -s /off /etc/acpi/PWRF/00000080
acpid -f >/dev/null 2>&1 &
ip link set lo up
for try in 1 2 3 4 5 6 7 8; do [ -e /sys/class/net/eth0 ] && break; sleep 0.2; done
ip link set eth0 up
udhcpc -q -n -t 20 -T 1 -i eth0 -s /lease
ip link set eth1 up && ip addr add %(own)s peer %(metadata)s dev eth1
for disk in /dev/vd?; do mount -t iso9660 -o ro $disk /seed 2>/dev/null && break; done
id=$(sed -n 's/^instance-id: *//p' /seed/meta-data)
{ echo "instance $id"; cat /seed/user-data; } >/www/index.html 2>/dev/null
echo ok >/www/health
ln -s /data /www/data
httpd -p 8080 -h /www
echo "tiny: serving as $id"
while :; do /volume "$id"; sleep 1; done
"""

_LEASE = """\
#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev $interface
ip addr add $ip/$mask dev $interface
[ -n "$router" ] && ip route replace default via ${router%% *}
[ -n "$dns" ] && echo "nameserver ${dns%% *}" >/etc/resolv.conf
:
"""

# Mounts the first disk that is a volume without partitions (the one booted from has some), and
# lets go of it when the disk is gone, or was and another has its name (each has its own diskseq).
_VOLUME = """\
#!/bin/sh
if grep -q ' /data ' /proc/mounts; then
  disk=$(sed -n 's,^/dev/\\([a-z0-9]*\\) /data .*,\\1,p' /proc/mounts)
  [ "$(cat /sys/block/$disk/diskseq 2>/dev/null)" = "$(cat /run/data)" ] || {
    umount -l /data; echo "tiny: unmounted"
  }
  exit 0
fi
for disk in /sys/block/nvme*n1; do
  name=${disk##*/}; device=/dev/$name
  [ -e $disk/${name}p1 ] && continue
  case "$(cat $disk/device/serial 2>/dev/null)" in vol*) ;; *) continue;; esac
  mount -t ext4 -o sync $device /data 2>/dev/null || {
    found=$(dd if=$device bs=1024 skip=1 count=1 2>/dev/null | tr -d '\\0' | head -c 1)
    [ -z "$found" ] || continue
    mke2fs -q $device >/dev/null 2>&1 && mount -t ext4 -o sync $device /data || continue
  }
  cat $disk/diskseq >/run/data
  echo "$1" >>/data/boots; sync
  echo "tiny: mounted $(cat $disk/device/serial)"
  exit 0
done
"""

_ASK = """\
#!/bin/sh
# One HTTP answer fetched from inside, with a session token where it is of the metadata service.
printf 'Content-Type: text/plain\\r\\n\\r\\n'
case "$QUERY_STRING" in
  http://*) exec wget -q -O - "$QUERY_STRING" 2>&1;;
  /proc/*|/sys/*) exec cat "$QUERY_STRING" 2>&1;;
esac
ask='PUT /latest/api/token HTTP/1.1\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n'
token=$(printf "$ask" | nc %(metadata)s 80 | sed '1,/^\\r*$/d')
exec wget -q -O - --header "X-aws-ec2-metadata-token: $token" \\
  "http://%(metadata)s$QUERY_STRING" 2>&1
"""

_KEEP = """\
#!/bin/sh
# Tells what is kept; nothing, and keeps nothing, where no data volume is mounted.
printf 'Content-Type: text/plain\\r\\n\\r\\n'
grep -q ' /data ' /proc/mounts && echo "$QUERY_STRING" >>/data/kept && sync && cat /data/kept
"""

_OFF = "#!/bin/sh\nkillall httpd\numount /data\nsync\npoweroff -f\n"


def build(run: Run, recipe: Recipe, scratch: Path, target: Path) -> None:
    """Make the disk, in about ten seconds. Raises LocalCloudError."""
    packages = scratch / "packages"
    run(
        (
            "mmdebstrap", "--variant=extract", "--format=directory",
            "--include=linux-image-cloud-amd64,busybox-static", recipe.suite, str(packages),
        )
    )  # fmt: skip
    kernel = max((packages / "boot").glob("vmlinuz-*"))
    version = kernel.name.removeprefix("vmlinuz-")

    shutil.copy(kernel, scratch / "vmlinuz")
    busybox = _busybox(packages)
    run((str(busybox), "depmod", "-b", str(packages), version))

    system = scratch / "system"
    _write_system(system, packages, version)
    boot = scratch / "root" / "boot"
    boot.mkdir(parents=True)
    shutil.copy(kernel, boot / "vmlinuz")
    _pack(run, busybox, system, boot / "initrd")

    entry = BootEntry(
        "/boot/vmlinuz", "/boot/initrd", "console=ttyS0 loglevel=6 mitigations=off rdinit=/init"
    )
    make_disk(run, scratch, entry, SIZE, target)


def programs() -> dict[str, str]:
    """The scripts of the system: path to content, all executable."""
    return {
        "init": _INIT % {"modules": " ".join(_MODULES), **_METADATA},
        "lease": _LEASE,
        "volume": _VOLUME,
        "off": _OFF,
        "www/cgi-bin/ask": _ASK % _METADATA,
        "www/cgi-bin/keep": _KEEP,
    }


def _write_system(system: Path, packages: Path, version: str) -> None:
    for folder in ("bin", "proc", "sys", "dev", "etc"):
        (system / folder).mkdir(parents=True)
    shutil.copy(_busybox(packages), system / "bin/busybox")
    for path, text in programs().items():
        (system / path).parent.mkdir(parents=True, exist_ok=True)
        (system / path).write_text(text)
        (system / path).chmod(0o755)
    source = packages / "lib/modules" / version
    _copy_modules(source, system / "lib/modules" / version)


def _copy_modules(source: Path, target: Path) -> None:
    """Copy the wanted modules and what they need, and an index of exactly those."""
    target.mkdir(parents=True)
    wanted = {f"{name}.ko" for name in _MODULES}
    index = _dependencies(source)
    lines: list[str] = []
    pending = [path for path in index if Path(path).name in wanted]
    done: set[str] = set()
    while pending:
        path = pending.pop()
        if path in done:
            continue
        done.add(path)
        pending += index[path]
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, place)
        lines.append(f"{path}: {' '.join(index[path])}\n")
    (target / "modules.dep").write_text("".join(sorted(lines)))


def _dependencies(source: Path) -> dict[str, list[str]]:
    text = (source / "modules.dep").read_text()
    return {
        name: needs.split()
        for name, _, needs in (line.partition(":") for line in text.splitlines())
    }


def _busybox(packages: Path) -> Path:
    places = (packages / "bin/busybox", packages / "usr/bin/busybox")
    return next(path for path in places if path.exists())


def _pack(run: Run, busybox: Path, system: Path, target: Path) -> None:
    """Pack the folder as the initramfs from which the kernel starts ``/init``."""
    applets = subprocess.run(
        (str(busybox), "--list"), check=True, capture_output=True, text=True
    ).stdout.split()
    for applet in applets:
        if applet != "busybox":
            (system / "bin" / applet).symlink_to("busybox")
    names = "".join(f"{path.relative_to(system)}\n" for path in sorted(system.rglob("*")))
    archive = subprocess.run(
        (str(busybox), "cpio", "-o", "-H", "newc"),
        cwd=system, input=names.encode(), check=True, capture_output=True,
    ).stdout  # fmt: skip
    target.write_bytes(gzip.compress(archive, 1))
