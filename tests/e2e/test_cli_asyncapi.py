"""`vss-router asyncapi`: the document on stdout or in a file, and the schemas in a folder."""

import json
from pathlib import Path

import jsonschema_rs

from tests.e2e.conftest import RunHere
from vss_router.events import MESSAGE_TYPES


def test_the_document_is_printed(run_here: RunHere) -> None:
    ended = run_here("asyncapi")
    assert (ended.code, ended.err) == (0, "")
    document = json.loads(ended.out)
    assert document["asyncapi"] == "3.0.0"
    assert {"vss.call.events", "events.call.start"} < document["channels"].keys()


def test_the_document_is_written_with_what_the_settings_change(run_here: RunHere, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text('[broker_queues."vss.call.events"]\nmax_length = 7\n', encoding="utf-8")
    written = tmp_path / "new" / "asyncapi.json"
    ended = run_here("asyncapi", "--config", config, "--output", written)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    told = json.loads(written.read_text())["channels"]["vss.call.events"]["description"]
    assert "with 7 messages the oldest goes" in told


def test_each_message_has_its_schema_in_the_folder(run_here: RunHere, tmp_path: Path) -> None:
    ended = run_here("asyncapi", "--schemas", tmp_path / "schemas")
    assert (ended.code, ended.out) == (0, f"{len(MESSAGE_TYPES)} JSON Schemas in {tmp_path / 'schemas'}\n")
    for known in MESSAGE_TYPES:
        schema = json.loads((tmp_path / "schemas" / f"{known.type.__name__}.json").read_text())
        assert jsonschema_rs.meta.is_valid(schema)


def test_a_place_that_cannot_be_written_is_named(run_here: RunHere, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run_here("asyncapi", "--output", tmp_path / "file" / "asyncapi.json")
    ended.assert_one_sentence("asyncapi.json cannot be written", "choose another place", code=2)


def test_a_queue_that_there_is_not_is_named(run_here: RunHere, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    config.write_text('[broker_queues."vss.cal.events"]\nmax_length = 7\n', encoding="utf-8")
    run_here("asyncapi", "--config", config).assert_one_sentence("vss.cal.events", "vss.call.events", code=2)
