"""What becomes of the results of a distributed map."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations import Clients, writers
from cloud_side.local.states.integrations.writers import Transformation, transformed, write
from cloud_side.local.states.store import Json

RUN = "arn:aws:states:eu-central-1:000000000000:mapRun:machine/Label:4977ded7-b097-3bee-81e1-7863c5660f29"
FOLDER = "out/4977ded7-b097-3bee-81e1-7863c5660f29"


def record(n: int, status: str = "SUCCEEDED", output: Json = None) -> dict[str, Json]:
    told: dict[str, Json] = {
        "ExecutionArn": f"arn:{n}",
        "Input": json.dumps({"n": n}),
        "InputDetails": {"Included": True},
        "Name": str(n),
        "StartDate": "2026-01-01T00:00:00.000Z",
        "StateMachineArn": "arn:machine/Label",
        "Status": status,
    }
    match status:
        case "SUCCEEDED":
            return {**told, "Output": json.dumps(output), "OutputDetails": {"Included": True}}
        case "PENDING":
            return {name: told[name] for name in ("Input", "InputDetails", "Status")}
    return {**told, "Error": "Broken", "Cause": "c"}


def writer(prefix: str | None = "out", **config: str) -> Json:
    arguments = {"Bucket": "bucket"} if prefix is None else {"Bucket": "bucket", "Prefix": prefix}
    said = {"WriterConfig": config} if config else {}
    return {"Resource": "arn:aws:states:::s3:putObject", "Arguments": arguments, **said}


def stored(clients: Clients) -> dict[str, bytes]:
    s3 = clients.of("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]
    return {key: s3.get_object(Bucket="bucket", Key=key)["Body"].read() for key in keys}


MIXED = [
    record(0, output=[1, [2]]),
    record(1, "FAILED"),
    record(2, output={"a": "é"}),
    record(3, "TIMED_OUT"),
    record(4, "PENDING"),
    record(5, "ABORTED"),
]


def test_results_are_files_by_outcome_with_a_manifest_that_names_them(clients: Clients) -> None:
    assert write(writer(), RUN, iter(MIXED), clients) == {"Bucket": "bucket", "Key": f"{FOLDER}/manifest.json"}
    files = stored(clients)
    assert set(files) == {f"{FOLDER}/{name}.json" for name in ("manifest", "SUCCEEDED_0", "FAILED_0", "PENDING_0")}
    assert json.loads(files[f"{FOLDER}/SUCCEEDED_0.json"]) == [MIXED[0], MIXED[2]]
    assert json.loads(files[f"{FOLDER}/FAILED_0.json"]) == [MIXED[1], MIXED[3], MIXED[5]]
    assert json.loads(files[f"{FOLDER}/PENDING_0.json"]) == [
        {"Input": '{"n": 4}', "InputDetails": {"Included": True}, "Status": "PENDING"}
    ]
    listed = {
        name: [{"Key": f"{FOLDER}/{name}_0.json", "Size": len(files[f"{FOLDER}/{name}_0.json"])}]
        for name in ("FAILED", "PENDING", "SUCCEEDED")
    }
    manifest = json.loads(files[f"{FOLDER}/manifest.json"])
    assert manifest == {"DestinationBucket": "bucket", "MapRunArn": RUN, "ResultFiles": listed}


@pytest.mark.parametrize(
    ("transformation", "output_type", "expected"),
    [
        ("COMPACT", "JSON", b'[[1,[2]],{"a":"\xc3\xa9"}]'),
        ("FLATTEN", "JSON", b'[1,[2],{"a":"\xc3\xa9"}]'),
        ("COMPACT", "JSONL", b'[1,[2]]\n{"a":"\xc3\xa9"}\n'),
        ("FLATTEN", "JSONL", b'1\n[2]\n{"a":"\xc3\xa9"}\n'),
    ],
)
def test_outputs_alone_are_written_as_the_configuration_says(
    transformation: str, output_type: str, expected: bytes, clients: Clients
) -> None:
    write(writer(Transformation=transformation, OutputType=output_type), RUN, iter(MIXED), clients)
    end = output_type.lower()
    files = stored(clients)
    assert files[f"{FOLDER}/SUCCEEDED_0.{end}"] == expected
    failed = files[f"{FOLDER}/FAILED_0.{end}"]
    expected_failed = [MIXED[1], MIXED[3], MIXED[5]]
    assert [json.loads(line) for line in failed.splitlines()] in (expected_failed, [expected_failed])


@pytest.mark.parametrize(("prefix", "folder"), [("a/b/", "a/b/"), ("a", "a/"), ("", ""), (None, "")])
def test_the_folder_of_a_map_run_is_below_the_prefix(prefix: str | None, folder: str, clients: Clients) -> None:
    details = write(writer(prefix), RUN, [], clients)
    assert details["Key"] == f"{folder}4977ded7-b097-3bee-81e1-7863c5660f29/manifest.json"
    manifest = json.loads(stored(clients)[details["Key"]])
    assert manifest["ResultFiles"] == {"FAILED": [], "PENDING": [], "SUCCEEDED": []}


def test_many_results_go_into_several_files_and_are_the_same_when_written_again(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "FILE_BYTES", 1000)

    def records() -> Iterator[dict[str, Json]]:
        for n in range(50):
            yield record(n, "FAILED" if n % 10 == 9 else "SUCCEEDED", output={"n": n, "text": "x" * 60})

    write(writer(Transformation="COMPACT"), RUN, records(), clients)
    files = stored(clients)
    manifest = json.loads(files[f"{FOLDER}/manifest.json"])
    succeeded = [found["Key"] for found in manifest["ResultFiles"]["SUCCEEDED"]]
    assert len(succeeded) > 3
    assert succeeded == [f"{FOLDER}/SUCCEEDED_{n}.json" for n in range(len(succeeded))]
    assert all(len(files[key]) <= 1100 for key in succeeded)
    results = [result["n"] for key in succeeded for result in json.loads(files[key])]
    assert results == [n for n in range(50) if n % 10 != 9]
    write(writer(Transformation="COMPACT"), RUN, records(), clients)
    assert stored(clients) == files


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({**writer(), "Resource": "arn:aws:states:::s3:copyObject"}, "Resource is 'arn:aws:states:::s3:copyObject'"),
        ({**writer(), "Arguments": {}}, "Bucket is None, expected the name of a bucket"),
        ({**writer(), "Arguments": {"Bucket": "nowhere"}}, "cannot be written: An error occurred (NoSuchBucket)"),
        (writer(Transformation="ZIP"), "'ZIP' is not a valid Transformation"),
        (writer(OutputType="XML"), "'XML' is not a valid OutputType"),
        ({"WriterConfig": {}}, "Resource is None"),
    ],
)
def test_a_writer_that_cannot_be_followed_fails_the_map_and_says_why(broken: Json, told: str, clients: Clients) -> None:
    with pytest.raises(StateFailure) as failure:
        write(broken, RUN, iter(MIXED), clients)
    assert failure.value.error == "States.ResultWriterFailed"
    assert told in failure.value.cause


def test_results_that_go_nowhere_are_outputs_unless_the_configuration_says_otherwise() -> None:
    def kept(writer: Json) -> list[Any]:
        transformation = writers.ResultWriter.parse(writer).transformation
        return [result for child in MIXED[:3] for result in transformed(child, transformation)]

    assert kept(None) == [[1, [2]], MIXED[1], {"a": "é"}]
    assert kept({"WriterConfig": {"Transformation": "FLATTEN"}}) == [1, [2], MIXED[1], {"a": "é"}]
    assert kept({"WriterConfig": {"Transformation": "NONE"}}) == MIXED[:3]


@given(st.lists(st.integers() | st.lists(st.integers()) | st.text()))
def test_flattening_keeps_every_item_of_every_output_in_order(outputs: list[Json]) -> None:
    records = [record(n, output=output) for n, output in enumerate(outputs)]
    flat = [item for child in records for item in transformed(child, Transformation.FLATTEN)]
    assert flat == [item for output in outputs for item in (output if isinstance(output, list) else [output])]
