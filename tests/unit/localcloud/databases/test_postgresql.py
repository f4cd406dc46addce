"""PostgreSQL: versions, files, command lines, passwords and statements, by value."""

from __future__ import annotations

from pathlib import Path

from provisimus.localcloud.databases import arguments, statements
from provisimus.localcloud.databases.files import Listening, access, configuration
from provisimus.localcloud.databases.installed import Installed, best, chosen, parse_version
from provisimus.localcloud.databases.passwords import check, generated, verifier
from provisimus.localcloud.databases.settings import complaint, parse_catalogue, refusal

SERVER = Installed(15, 18, Path("/pg/bin"))
LISTENING = Listening(("10.0.1.5",), 5432, encrypted_only=True)
TOLD = "\n".join(
    "\t".join(fields)
    for fields in (
        ("work_mem", "user", "Memory", "INTEGER", "0", "64", "2147483647", "Sets it.", ""),
        ("max_connections", "postmaster", "Other", "INTEGER", "0", "1", "262143", "Sets it.", ""),
        ("port", "postmaster", "Other", "INTEGER", "5432", "1", "65535", "Sets it.", ""),
        ("server_version", "internal", "Preset", "STRING", "15", "", "", "Shows it.", ""),
    )
)


def test_versions():
    assert parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n") == (15, 18)
    assert parse_version("postgres (PostgreSQL) 18beta1\n") is None


def test_the_newest_of_each_major_wins():
    older, newer = Installed(15, 2, Path("/a")), Installed(17, 1, Path("/b"))
    assert best([older, newer, SERVER]) == (newer, SERVER)
    assert chosen((newer, SERVER), None) == newer
    assert chosen((newer, SERVER), "15") == SERVER
    assert chosen((newer, SERVER), "15.2") is None


def test_a_verifier_is_that_of_the_rfc():
    # The salt and password of RFC 7677, section 3; the keys as PostgreSQL's own tests have them.
    salt = bytes.fromhex("5b6d99689d123545eca0faea49a9a92c")
    made = verifier("pencil", salt)
    assert made.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNUXsoPrqSampLA==$")
    assert verifier("pencil", salt) == made != verifier("pencils", salt)


def test_passwords():
    assert check("correct-horse") is None
    assert "shorter than 8" in (check("short") or "")
    for wrong in ("correct horse", "correct@horse", 'correct"horse', "correct\nhorse"):
        assert check(wrong)
    assert check(generated()) is None


def test_ours_has_the_last_word_in_the_configuration():
    text = configuration(LISTENING, {"work_mem": "8192", "port": "1", "rds.force_ssl": "1"}, "/f")
    lines = text.splitlines()
    assert lines[0] == "work_mem = '8192'"
    assert "port = '5432'" in lines
    assert "port = '1'" not in lines
    assert "unix_socket_directories = '/f/sockets'" in lines
    assert "rds.force_ssl" not in text
    assert "search_path = '''a'''" in configuration(LISTENING, {"search_path": "'a'"}, "/f")


def test_who_is_let_in():
    lines = access(LISTENING).splitlines()
    assert "host all rdsadmin all reject" in lines
    assert "hostssl all all all scram-sha-256" in lines
    assert "host all all all scram-sha-256" in access(Listening((), 1, encrypted_only=False))


def test_command_lines():
    assert arguments.serve(SERVER, "/f") == (
        "/pg/bin/postgres", "-D", "/f/data", "-c", "config_file=/f/postgresql.conf",
    )  # fmt: skip
    assert arguments.as_user(None) == ()
    assert "--reuid=64802" in arguments.as_user(64802)
    assert not [each for each in arguments.as_user(64802) if "net_bind_service" in each]
    assert arguments.apart(64802, 0) == ("unshare", "--pid", "--fork", "--kill-child=KILL", "--")
    assert arguments.apart(None, 1000)[1:3] == ("--user", "--map-user=1000")


def test_the_first_words_to_a_server():
    said = statements.first_words("shop", "SCRAM-SHA-256$x", 'or"ders', 14)
    assert "pg_checkpoint" not in said
    assert "CREATE ROLE \"shop\" LOGIN CREATEDB CREATEROLE PASSWORD 'SCRAM-SHA-256$x';" in said
    assert 'CREATE DATABASE "or""ders" OWNER "shop";' in said
    assert " SUPERUSER" not in said


def test_the_server_says_what_it_knows():
    known = parse_catalogue(TOLD)
    assert set(known) == {"work_mem", "max_connections", "port", "rds.force_ssl"}
    assert (known["work_mem"].apply, known["max_connections"].apply) == ("dynamic", "static")
    assert known["work_mem"].allowed == "64-2147483647"
    assert refusal(known, "Work_Mem", "8192", "immediate") is None
    for name, value, method in (
        ("work_mum", "1", "immediate"),
        ("port", "1", "pending-reboot"),
        ("max_connections", "1", "immediate"),
        ("work_mem", "{DBInstanceClassMemory/4}", "immediate"),
        ("rds.force_ssl", "yes", "immediate"),
    ):
        assert refusal(known, name, value, method) is not None, name


def test_what_the_server_says_against_it():
    told = "2026-01-01 UTC [1] FATAL:  invalid value\n2026-01-01 UTC [1] HINT:  Available: a.\n"
    assert complaint(told) == "invalid value Available: a."
    assert complaint("") == "the server does not take it"
