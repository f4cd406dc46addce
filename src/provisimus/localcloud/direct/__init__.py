"""Snapshots block by block: what the EBS direct APIs read from disks, and the disks they write."""
