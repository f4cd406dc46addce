"""Data Lifecycle Manager: policies that take snapshots of volumes by tag, and remove old ones.

`rules` (what a policy may say) and `times` (when something is due, what is too old) are pure;
`policies` keeps them in a file, `runner` does what is due through EC2's API, `api` is the wire.
moto has no such service; a layer before it answers. Source: "Automate backups with Amazon Data
Lifecycle Manager" in the EBS User Guide, and its API reference.
"""
