"""Base disks: the bottom layer of every machine, made from Debian packages on this machine.

``recipe.py`` says what a base is, ``build.py`` makes and keeps it, ``debian.py`` and ``tiny.py``
are the two kinds, ``bootable.py`` turns a folder into a disk that boots. Registering a base as a
machine image is not done here.
"""
