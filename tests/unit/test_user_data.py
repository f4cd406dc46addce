from __future__ import annotations

import json

from provisimus.user_data import literally, user_data_of


def test_user_data_says_which_volume_belongs_where() -> None:
    assert user_data_of([("vol-1", "/data"), ("${Logs}", "/logs")]) == (
        "#cloud-config\n"
        "write_files:\n"
        "  - path: /etc/provisimus/volumes\n"
        '    permissions: "0644"\n'
        "    content: |\n"
        "      vol-1 /data\n"
        "      ${Logs} /logs\n"
    )
    assert user_data_of([]) == ""


def test_what_else_a_machine_is_told_is_json_for_root() -> None:
    import yaml

    told = {"/etc/provisimus/environment": {"A": "${secret:x}: |\n - é"}}
    document = yaml.safe_load(user_data_of([], told))
    (file,) = document["write_files"]
    assert (file["path"], file["permissions"]) == ("/etc/provisimus/environment", "0600")
    assert json.loads(file["content"]) == told[file["path"]]
    assert literally("a${ssm:b}$5") == "a${!ssm:b}$5"
