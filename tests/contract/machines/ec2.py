"""moto's server, with the questions that a bake asks and moto does not know."""

from __future__ import annotations

import sys
from typing import Any

from moto.ec2.responses import EC2Response
from moto.server import main

ANSWER = """<GetInstanceMetadataDefaultsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
<requestId>0</requestId><accountLevel>{}</accountLevel></GetInstanceMetadataDefaultsResponse>"""
TAKEN = "<{0}>{1}</{0}>"


def modify_instance_metadata_defaults(self: Any) -> str:
    given = {key: values[0] for key, values in self.querystring.items() if key.startswith("Http")}
    self.ec2_backend.metadata_defaults = given
    return (
        '<ModifyInstanceMetadataDefaultsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        "<requestId>0</requestId><return>true</return></ModifyInstanceMetadataDefaultsResponse>"
    )


def get_instance_metadata_defaults(self: Any) -> str:
    given = getattr(self.ec2_backend, "metadata_defaults", {})
    inside = "".join(TAKEN.format(key[0].lower() + key[1:], value) for key, value in given.items())
    return ANSWER.format(inside)


EC2Response.modify_instance_metadata_defaults = modify_instance_metadata_defaults
EC2Response.get_instance_metadata_defaults = get_instance_metadata_defaults

main(sys.argv[1:])
