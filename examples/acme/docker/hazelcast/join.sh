#!/bin/sh
# In a stack of type cluster a member looks for the others by their names, and is known by its own;
# alone it is a cluster of one. What stands behind is run then.
set -eu
if [ -n "${CLUSTER_MEMBERS:-}" ]; then
    own=$(echo "$CLUSTER_MEMBERS" | cut -d, -f"$CLUSTER_MEMBER")
    # The stack makes the name when the machine runs.
    until getent hosts "$own" >/dev/null; do
        echo "waiting until $own is known"
        sleep 2
    done
    export HZ_NETWORK_PUBLICADDRESS="$own:5701"
    export HZ_NETWORK_JOIN_TCPIP_ENABLED=true
    export HZ_NETWORK_JOIN_TCPIP_MEMBERS="$CLUSTER_MEMBERS"
fi
exec "$@"
