#!/bin/sh
# Run in a network and mount namespace of its own: networkd sets up the two cards of a machine from
# the files in the folder given. Says when the metadata card has its address, then the ways out.
set -e
mount -t tmpfs tmpfs /run
mount -t sysfs -o ro sysfs /sys # read-only, networkd does not wait for udev
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases
cp "$1"/*.network /run/systemd/network/
chmod -R a+rX /run
chown -R systemd-network: /run/systemd/netif
ip link set lo up
ip link add eth1 address "$2" type veth peer name far1
ip link add eth0 type veth peer name far0
ip link set far1 up
ip link set far0 up
/lib/systemd/systemd-networkd >&2 &
tries=0
until ip -br addr show eth1 | grep -q 169.254.169.1; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || exit 1
  sleep 0.05
done
ip -br addr show eth1
ip route show table all type unicast
ip route get 169.254.169.254 | head -1
ip link set eth1 down
ip route get 169.254.169.254 2>&1 || :
kill $!
