/** What `millrace predict` gives for raw rows: written to a file, encoded by the database, run by the run's own predictor. */
import { randomUUID } from "node:crypto";
import { encodeForMap } from "../../src/data/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { openRun } from "../../src/run/index.ts";
import type { RawRow } from "../../src/schema/index.ts";
import { type Shop, writeRows } from "./shop.ts";

export async function predictRows(shop: Shop, run: string, rows: readonly RawRow[]): Promise<number[]> {
  const opened = openRun(run);
  const file = writeRows(shop.path(`${randomUUID()}.jsonl`), rows);
  const { cacheDir, onBadRow } = opened.config.data;
  const source = await encodeForMap(opened.map, { files: [file] }, { cacheDir, onBadRow });
  const predictor = await opened.load(await createEngine("native"));
  const predicted: number[] = [];
  for await (const batch of source.batches({ batchSize: 1000 })) {
    predicted.push(...(await predictor.predict(batch)).click);
  }
  await predictor.release();
  await source.close();
  return predicted;
}
