/** A run whose files are of two trainings is refused by everything that opens runs. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dataConfigFor, writeClicks } from "../browser/every-kind.ts";
import { InferencePool, readTarget } from "../../src/serving/index.ts";
import { Release } from "../../src/serving/release.ts";
import { openServedModel } from "../../src/serving/served-model.ts";
import { checkFiles, digestsOf, openRun, parseConfig, trainRun } from "../../src/run/index.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-bundle-"));
const [one, two] = ["one", "two"].map((name) => join(folder, name));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const data = dataConfigFor(folder, writeClicks(folder, 80));
  for (const [seed, directory] of [one, two].entries()) {
    const training = { batchSize: 40, epochs: 1, seed };
    const model = { name: "LR" };
    await trainRun(parseConfig({ ...data, model, training }), { directory });
  }
});

test("files of another training are refused by name", async () => {
  const { tables } = JSON.parse(readFileSync(join(one, "bundle.json"), "utf8"));
  for (const file of ["model.onnx", tables[0].file]) {
    const own = readFileSync(join(one, file));
    copyFileSync(join(two, file), join(one, file));
    const message = `${one}: the files do not belong together: ${file} is not the one that the run was saved with`;
    expect(() => openRun(one)).toThrow(message);
    await expect(openServedModel(one)).rejects.toThrow(message);
    writeFileSync(join(one, file), own);
  }
  expect(openRun(one).tables).toHaveLength(tables.length);
  expect((await openServedModel(one)).labels).toEqual(["click"]);
});

test("files replaced while a release loads are noticed, and nothing stays loaded", async () => {
  const { tables } = JSON.parse(readFileSync(join(one, "bundle.json"), "utf8"));
  const own = readFileSync(join(one, tables[0].file));
  const pool = new InferencePool({ workers: 1 });
  const load = pool.load.bind(pool);
  const released: string[] = [];
  const release = pool.release.bind(pool);
  pool.release = (key) => {
    released.push(key);
    release(key);
  };
  pool.load = async (key, source) => {
    await load(key, source);
    copyFileSync(join(two, tables[0].file), join(one, tables[0].file));
  };
  try {
    await expect(Release.open(readTarget(one), { pool })).rejects.toThrow(
      `${tables[0].file} is not the one that the run was saved with`,
    );
    expect(released).toHaveLength(1);
  } finally {
    writeFileSync(join(one, tables[0].file), own);
    await pool.close();
  }
});

test("a bundle file that lacks a field is refused by the field's name; one without digests is older and opens", async () => {
  const path = join(two, "bundle.json");
  const bundle = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, "{}");
  expect(() => openRun(two)).toThrow(`${path}: version: expected 1; it is nothing`);
  await expect(openServedModel(two)).rejects.toThrow(`${path}: version: expected 1; it is nothing`);
  writeFileSync(path, JSON.stringify({ ...bundle, tables: undefined }));
  expect(() => openRun(two)).toThrow(`${path}: tables: expected a list; it is nothing`);
  writeFileSync(path, JSON.stringify({ ...bundle, files: undefined }));
  expect(openRun(two).predictions).toEqual(bundle.predictions);
});

test("of large files only blocks are read, from the first byte to the last", () => {
  const bytes = Buffer.alloc(3_000_001, 7);
  writeFileSync(join(folder, "large"), bytes);
  const digests = digestsOf(folder, ["large"]);
  for (const at of [0, 3_000_000]) {
    bytes[at] = 8;
    writeFileSync(join(folder, "large"), bytes);
    expect(() => checkFiles(folder, digests)).toThrow("large is not the one that the run was saved with");
    bytes[at] = 7;
  }
  writeFileSync(join(folder, "large"), bytes.subarray(1));
  expect(() => checkFiles(folder, digests)).toThrow("large is not the one");
  rmSync(join(folder, "large"));
  expect(() => checkFiles(folder, digests)).toThrow("large is missing");
  mkdirSync(join(folder, "large"));
  expect(() => checkFiles(folder, digests)).toThrow("large is missing");
  rmSync(join(folder, "large"), { recursive: true });
  writeFileSync(join(folder, "large"), bytes);
  checkFiles(folder, digests);
});
