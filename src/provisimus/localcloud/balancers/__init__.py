"""Application load balancers: one HAProxy each, in the network of its VPC.

What a balancer shall be is a frozen value (`model.py`), its configuration a pure function of that
(`config.py`, `routing.py`), the health of its targets what HAProxy says (`health.py`). The edge is
`haproxy.py`, a process that is reloaded without dropping a connection. What the API says of
balancers is turned into these values by `hooks/balancers`.
"""
