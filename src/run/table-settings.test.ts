import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeSafetensors } from "../module/index.ts";
import { FIRST_VALUE_ID } from "../schema/index.ts";
import { parseConfig } from "./config.ts";
import { trainRun } from "./train-run.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-tables-"));
  const rows = Array.from({ length: 200 }, (_, i) => `u${i % 7},i${i % 5},${i % 3 === 0 ? 1 : 0}`);
  writeFileSync(join(folder, "log.csv"), `user,item,click\n${rows.join("\n")}\n`);
  writeFileSync(join(folder, "items.csv"), 'value,vector\ni1,"[1, 2, 3]"\ni2,"4 5 6"\nunseen,"[7, 8, 9]"\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = (tables: object, embeddingDim = 3) =>
  parseConfig({
    data: { train: join(folder, "log.csv"), cacheDir: join(folder, "cache") },
    features: [
      { name: "user", kind: "categorical" },
      { name: "item", kind: "categorical" },
    ],
    labels: [{ name: "click" }],
    model: { name: "FM", embeddingDim },
    tables,
    training: { epochs: 2, batchSize: 50, learningRate: 0.1 },
  });

function table(directory: string, name: string): Float32Array {
  const bytes = readFileSync(join(folder, directory, "tables", `embedding.tables.${name}.safetensors`));
  return decodeSafetensors(bytes).tensors.weight.data as Float32Array;
}

test("a pre-trained, frozen table keeps its vectors while the others learn", async () => {
  await trainRun(config({ item: { pretrained: join(folder, "items.csv"), trainable: false } }), {
    directory: join(folder, "frozen"),
  });
  const items = table("frozen", "item");
  const row = (id: number): number[] => [...items.subarray(3 * id, 3 * id + 3)];
  // i0 … i4 come 40 times each, so their order is that of the strings.
  expect(row(FIRST_VALUE_ID + 1)).toEqual([1, 2, 3]);
  expect(row(FIRST_VALUE_ID + 2)).toEqual([4, 5, 6]);
  expect(Math.abs(row(FIRST_VALUE_ID)[0])).toBeLessThan(1e-3);
  expect(Math.max(...table("frozen", "user").map(Math.abs))).toBeGreaterThan(0.01);
});

test("pre-trained vectors that may learn start from the file and move", async () => {
  await trainRun(config({ item: { pretrained: join(folder, "items.csv") } }), {
    directory: join(folder, "warm"),
  });
  const [x] = table("warm", "item").subarray(3 * (FIRST_VALUE_ID + 1));
  expect(x).not.toBe(1);
  expect(Math.abs(x - 1)).toBeLessThan(1.5);
});

test("an unknown vocabulary and another width are refused by name", async () => {
  await expect(
    trainRun(config({ itme: { trainable: false } }), { directory: join(folder, "x") }),
  ).rejects.toThrow('no feature owns a vocabulary "itme"');
  await expect(
    trainRun(config({ item: { pretrained: join(folder, "items.csv") } }, 4), {
      directory: join(folder, "y"),
    }),
  ).rejects.toThrow("are 3 wide, no table");
});
