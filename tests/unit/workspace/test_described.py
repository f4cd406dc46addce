"""What a class of definitions takes, told for people and for editors."""

from provisimus.workspace.definitions.stack import DataVolume, StackDefinition
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.definitions.stacks.service import ServiceDefinition
from provisimus.workspace.described import docs_of, parameters_of, schema_of


def test_each_key_is_told_with_its_kind_default_and_meaning() -> None:
    told = {each.key: each for each in parameters_of(NetworkDefinition)}
    assert told["flow_logs.keep"].kind == "time: 30s, 5m, 24h, 7d"
    assert told["flow_logs.keep"].default == "30d"
    assert told["tiers"].kind == "list of public | private | data"
    assert told["tiers"].default == "[public, private, data]"
    assert told["nat"].doc.startswith("How private subnets reach out")
    assert told["cidr"].doc == "The addresses of the VPC: a /16 is the most AWS gives."


def test_keys_have_the_names_of_the_file() -> None:
    told = {each.key: each for each in parameters_of(ServiceDefinition)}
    assert told["ingress.from"].default is None
    assert told["data_volumes.size"].kind == "size: 20 GiB"
    assert told["health.signal"].default == "false"
    assert "network.vpc" not in told, "there is a choice of several"


def test_words_of_the_bases_are_told_too() -> None:
    assert docs_of(ServiceDefinition)["environments"] == docs_of(StackDefinition)["environments"]


def test_a_schema_takes_what_a_file_says() -> None:
    schema = schema_of(ServiceDefinition)
    volume = schema["$defs"][DataVolume.__name__]
    assert volume["properties"]["size"]["type"] == "string"
    assert schema["properties"]["ingress"]["description"].startswith("Who may reach it")
    assert schema["additionalProperties"] is False
    keep = schema_of(NetworkDefinition)["$defs"]["FlowLogs"]["properties"]["keep"]
    assert keep == {"type": "string"}
