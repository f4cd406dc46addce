"""Lineage from tags and labels: what is there is shown, what is not is unknown."""
# ruff: noqa: E501 - a tree for people is as wide as its digests

from datetime import UTC, datetime

from inline_snapshot import snapshot

from provisimus.model import ContainerImage, Digest
from provisimus.release.lineage import (
    ArtifactSeen,
    ImageSeen,
    Lineage,
    MachineImageSeen,
    as_tree,
    image_seen,
    instance_seen,
    machine_image_seen,
    stack_seen,
)

TAGS = {
    "provisimus:service": "greeter",
    "provisimus:environment": "local",
    "provisimus:machine": "greeter",
    "provisimus:version": "1.0.0",
    "provisimus:fingerprint": "sha256:" + "f" * 64,
    "provisimus:run": "20260101T000000-abcdef",
    "provisimus:commit/docker": "d" * 40,
    "provisimus:commit/services": "5" * 40 + "-dirty",
    "provisimus:base": "debian-12-amd64-local",
    "provisimus:image/greeter": "greeter@sha256:" + "1" * 64,
}
INSTANCE = instance_seen(
    {
        "InstanceId": "i-1",
        "State": {"Name": "running"},
        "InstanceType": "t3.small",
        "LaunchTime": datetime(2026, 1, 1, 12, tzinfo=UTC),
        "PublicIpAddress": "127.9.0.1",
        "PrivateIpAddress": "10.0.0.5",
    }
)
IMAGE = ContainerImage(
    "greeter",
    "1.0.0",
    "127.0.0.1:5000/greeter",
    Digest("1" * 64),
    labels={
        "org.opencontainers.image.version": "1.0.0",
        "org.opencontainers.image.created": "2026-01-01T11:00:00Z",
        "provisimus.fingerprint": "sha256:" + "2" * 64,
        "provisimus.artifact": "com.acme:greeter:jar:1.0.0",
        "provisimus.artifact.sha256": "3" * 64,
        "provisimus.artifact.commit": "a" * 40,
        "provisimus.commit.docker": "d" * 40,
    },
)


def test_an_image_tells_its_artifact_and_commits() -> None:
    assert image_seen("greeter", IMAGE) == ImageSeen(
        "greeter",
        "127.0.0.1:5000/greeter@sha256:" + "1" * 64,
        "1.0.0",
        "sha256:" + "2" * 64,
        "2026-01-01T11:00:00Z",
        {"docker": "d" * 40},
        ArtifactSeen("com.acme:greeter:jar:1.0.0", "3" * 64, "a" * 40),
    )


def test_an_image_without_labels_is_unknown() -> None:
    bare = ContainerImage("x", "unknown", "docker.io/x", Digest("4" * 64))
    assert image_seen("x", bare) == ImageSeen("x", "docker.io/x@sha256:" + "4" * 64)


def test_the_whole_tree() -> None:
    lineage = Lineage(
        INSTANCE,
        stack_seen("acme-local-greeter", "CREATE_COMPLETE", TAGS),
        machine_image_seen(
            {"ImageId": "ami-1", "Name": "acme-greeter", "CreationDate": "2026-01-01T11:30:00Z"},
            TAGS,
        ),
        (image_seen("greeter", IMAGE), ImageSeen("node-exporter", "node-exporter@sha256:9")),
    )
    assert as_tree(lineage) == snapshot("""\
instance i-1  running  127.9.0.1  since 2026-01-01T12:00:00Z
└─ stack acme-local-greeter  CREATE_COMPLETE  version 1.0.0
   · fingerprint ffffffffffff, made by run 20260101T000000-abcdef
   · commits: docker dddddddddddd, services 555555555555-dirty
   └─ machine image ami-1  acme-greeter  version 1.0.0
      · base debian-12-amd64-local, baked 2026-01-01T11:30:00Z
      · fingerprint ffffffffffff, made by run 20260101T000000-abcdef
      · commits: docker dddddddddddd, services 555555555555-dirty
      ├─ container image greeter  127.0.0.1:5000/greeter@sha256:1111111111111111111111111111111111111111111111111111111111111111
      │  · version 1.0.0, built 2026-01-01T11:00:00Z
      │  · fingerprint 222222222222
      │  · commits: docker dddddddddddd
      │  └─ artifact com.acme:greeter:jar:1.0.0
      │     · sha256 3333333333333333333333333333333333333333333333333333333333333333
      │     └─ commit aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      └─ container image node-exporter  node-exporter@sha256:9
         · version unknown, built unknown
         · fingerprint unknown\
""")


def test_a_tree_of_unknowns() -> None:
    assert as_tree(Lineage(INSTANCE, None, MachineImageSeen("ami-1"), ())) == snapshot("""\
instance i-1  running  127.9.0.1  since 2026-01-01T12:00:00Z
└─ stack unknown
   └─ machine image ami-1  unknown  version unknown
      · base unknown, baked unknown
      · fingerprint unknown, made by run unknown
      └─ container images unknown\
""")
