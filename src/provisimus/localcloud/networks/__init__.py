"""The network of a VPC: instances reach each other at the addresses that the API reports, and
security groups, network ACLs and routes decide.

Each VPC in which something runs has a network namespace of its own, with a routed TAP device per
machine and no bridge; balancers and databases run inside it at their own addresses. VPCs with one
range live side by side, and nothing of this computer's own network is changed.

What is wanted comes as one frozen value, a `Picture` (``picture.py``). From it follow, purely, the
rules for nftables (``ruleset.py``) and who may leave by which way (``ways.py``). The edge:
``keeper.py`` is the process that lives in the namespace and makes devices and sockets there,
``namespace.py`` speaks to it, ``vpc.py`` is one VPC, ``networks.py`` all of them. ``leases.py``
answers DHCP, ``resolver.py`` DNS, ``relays.py`` carries connections in and out of a namespace, and
slirp4netns is the way to the internet. Where namespaces cannot be made, ``user_mode.py`` is what is
left: machines that are open to this computer, and closed to each other.
"""
