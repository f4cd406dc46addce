"""The local cloud: the AWS API on loopback, with real machines behind it.

One supervised process tree, started as ``python -m provisimus.localcloud serve`` and spoken to over
HTTP only. Nothing here imports the rest of the tool, and the rest of the tool imports nothing from
here: whatever works against this endpoint works against AWS.

The house rule: it never says that something was done which was not.
"""

VERSION = 1
"""Of the directory's layout and the saved state; a directory of another version is set aside."""
