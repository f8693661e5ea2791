/** Writes the event file that `event_file.py` has TensorBoard read: `npx tsx test/golden/write-event-file.ts FOLDER`. */
import { EventLog } from "../../src/run/event-log.ts";

export function writeExampleEvents(directory: string): string {
  let milliseconds = 1_700_000_000_000;
  const log = new EventLog(directory, { now: () => (milliseconds += 1500) });
  log.scalars(0, { "train/loss": 0.75, "train/samples_per_second": 123456 });
  log.scalars(100, { "train/loss": 0.5, "validation/auc": 0.75 });
  log.histogram(
    100,
    "predictions",
    Float32Array.from({ length: 1000 }, (_, i) => (i / 1000) ** 2),
  );
  log.histogram(100, "constant", [3, 3, 3]);
  log.scalars(5_000_000_000, { "train/loss": 1e-40, größe: 1e30 });
  log.close();
  return log.path;
}

if (process.argv[1]?.endsWith("write-event-file.ts")) console.log(writeExampleEvents(process.argv[2]));
