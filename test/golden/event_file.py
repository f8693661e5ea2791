"""Writes event_file.json: an event file by TensorBoard's own writer and what its reader says about ours.

Run: python test/golden/event_file.py OUR_EVENT_FILE, where OUR_EVENT_FILE comes from
`npx tsx test/golden/write-event-file.ts FOLDER`.
"""
import base64
import json
import pathlib
import struct
import sys
import tempfile

import tensorboard
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c


def described(event):
    values = []
    for value in event.summary.value:
        if value.WhichOneof("value") == "histo":
            histo = value.histo
            values.append(
                {
                    "tag": value.tag,
                    "histogram": {
                        "min": histo.min,
                        "max": histo.max,
                        "count": histo.num,
                        "sum": histo.sum,
                        "sumOfSquares": histo.sum_squares,
                        "limits": list(histo.bucket_limit),
                        "counts": list(histo.bucket),
                    },
                }
            )
        else:
            values.append({"tag": value.tag, "scalar": value.simple_value})
    described = {"wallTime": event.wall_time, "step": event.step, "values": values}
    return {**described, "fileVersion": event.file_version} if event.file_version else described


def read(path):
    return [described(event) for event in LegacyEventFileLoader(str(path)).Load()]


ours = pathlib.Path(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    writer = EventFileWriter(folder)
    for step, value in [(1, 0.5), (2, 0.25), (3_000_000_000, -1.5)]:
        scalar = summary_pb2.Summary.Value(tag="train/loss", simple_value=value)
        writer.add_event(event_pb2.Event(wall_time=1700000000.25 + step, step=step, summary=summary_pb2.Summary(value=[scalar])))
    writer.close()
    theirs = next(pathlib.Path(folder).iterdir())
    golden = {
        "generator": "test/golden/event_file.py",
        "versions": {"tensorboard": tensorboard.__version__},
        "maskedCrc32c": {text: masked_crc32c(text.encode()) for text in ["", "a", "123456789", "The quick brown fox"]},
        "theirs": {"file": base64.b64encode(theirs.read_bytes()).decode(), "events": read(theirs)},
        "ours": {"file": base64.b64encode(ours.read_bytes()).decode(), "events": read(ours)},
    }
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")
