from __future__ import annotations

from provisimus.user_data import user_data_of


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
