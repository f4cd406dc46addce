"""What differs between two machine images, by value."""

from __future__ import annotations

from typing import Any

from provisimus.machines import tags
from provisimus.machines.details import Details
from provisimus.machines.diff import Change, differences
from provisimus.model import MachineImage


def details(version: str, size: int = 8, **tagged: str) -> Details:
    image = MachineImage("greeter", version, f"ami-{version}", "name", tags=tagged)
    return Details(image, "eu-west-1", "available", size)


def sbom(*components: dict[str, Any]) -> dict[str, Any]:
    return {"components": list(components)}


def package(name: str, version: str, architecture: str = "amd64") -> dict[str, Any]:
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}&distro=debian-12"
    return {"type": "library", "bom-ref": purl, "purl": purl, "name": name, "version": version}


def image(service: str, *inside: dict[str, Any]) -> dict[str, Any]:
    about = [{"name": "provisimus:service", "value": service}]
    return {
        "type": "container",
        "bom-ref": f"image:{service}",
        "name": "x",
        "properties": about,
        "components": list(inside),
    }


def jar(name: str, version: str, path: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": f"g:pkg:maven/g/{name}@{version}#{path}",
            "group": "g", "name": name, "version": version}  # fmt: skip


def file(path: str, digest: str) -> dict[str, Any]:
    return {"type": "file", "bom-ref": f"definition:{path}", "name": path,
            "hashes": [{"alg": "SHA-256", "content": digest * 64}]}  # fmt: skip


def test_packages_images_files_and_facts() -> None:
    one = details("1.0.0", **{tags.IMAGE + "greeter": "greeter@1", tags.INPUT + "setup": "a"})
    two = details("1.0.1", 20, **{tags.IMAGE + "greeter": "greeter@2", tags.INPUT + "setup": "b"})
    first = sbom(
        package("curl", "7.88"),
        package("old", "1"),
        image("greeter", jar("lib", "1", "a.jar"), jar("lib", "1", "b.jar")),
        file("setup/10-x", "a"),
    )
    second = sbom(
        package("curl", "7.89"),
        package("libc6", "2.36", "i386"),
        image("greeter", jar("lib", "2", "a.jar"), jar("lib", "1", "b.jar")),
        file("setup/10-x", "b"),
    )
    assert differences(one, two, first, second) == (
        Change("fact", "size", "8 GiB", "20 GiB"),
        Change("fact", "version", "1.0.0", "1.0.1"),
        Change("image", "greeter", "greeter@1", "greeter@2"),
        Change("input", "setup", "a", "b"),
        Change("package", "curl", "7.88", "7.89"),
        Change("package", "libc6:i386", None, "2.36"),
        Change("package", "old", "1", None),
        Change("inside image", "greeter: g:lib in a.jar", "1", "2"),
        Change("file", "setup/10-x", "a" * 12, "b" * 12),
    )


def test_what_happened_in_one_word() -> None:
    assert [Change("package", "x", *both).what for both in ((None, "1"), ("1", None), ("1", "2"))]
    assert Change("package", "x", None, "1").what == "added"
    assert Change("package", "x", "1", None).what == "removed"
    assert Change("package", "x", "1", "2").as_json()["what"] == "changed"


def test_without_an_sbom_packages_are_unknown_not_gone() -> None:
    assert differences(details("1"), details("1"), sbom(package("curl", "1")), None) == ()


def test_the_same_differs_in_nothing() -> None:
    same = sbom(package("curl", "1"), image("greeter"), file("files/x", "a"))
    assert differences(details("1"), details("1"), same, same) == ()
