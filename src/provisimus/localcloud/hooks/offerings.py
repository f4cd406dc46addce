"""Which instance types each region offers, read when it is asked for.

moto reads the lists of all regions when it is imported: most of a second, and 90 MiB of which one
region's three lists are ever used. Tied to moto 5.2.5, which is pinned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FOLDER = "ec2/resources/instance_type_offerings"


class Offerings(dict[str, list[dict[str, Any]]]):
    """By region the offerings of one type of location. Raises KeyError for an unknown region."""

    def __init__(self, location_type: str) -> None:
        super().__init__()
        self._location_type = location_type

    def __missing__(self, region: str) -> list[dict[str, Any]]:
        from moto.utilities.utils import load_resource

        if region not in self:
            raise KeyError(region)
        read = load_resource(f"{_FOLDER}/{self._location_type}/{region}.json")
        self[region] = [{**each, "LocationType": self._location_type} for each in read]
        return self[region]

    def __contains__(self, region: object) -> bool:
        import moto

        folder = Path(moto.__path__[0]) / _FOLDER / self._location_type
        return any(folder.glob(f"{region}.json*"))

    def get(self, region: str, otherwise: Any = None) -> Any:
        try:
            return self[region]
        except KeyError:
            return otherwise


def read_on_demand() -> None:
    """To be called before anything else imports moto's EC2."""
    from moto.utilities import utils

    load = utils.load_resource
    utils.load_resource = lambda resource: [] if _FOLDER in resource else load(resource)
    try:
        from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
    finally:
        utils.load_resource = load
    for location_type in INSTANCE_TYPE_OFFERINGS:
        INSTANCE_TYPE_OFFERINGS[location_type] = Offerings(location_type)
