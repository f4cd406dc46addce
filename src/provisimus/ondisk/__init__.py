"""What runs on a machine, in the Python of its base; imports nothing but the standard library.

It is copied to `/usr/local/lib/provisimus/python/ondisk` as it stands, and works with Python 3.9,
which Amazon Linux 2023 has. Each program starts for a moment, often on a machine that is busy
booting: what is imported at the top of a file is imported because every start needs it.
"""
