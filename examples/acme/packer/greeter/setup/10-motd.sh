#!/bin/sh
# Setup scripts run as root while the machine image is baked, in the order of their names.
set -eu
printf 'This machine is codified: what you change by hand is gone with the next release.\n' > /etc/motd
