/**
 * The whole way, in one command: a world is generated, a model trained on it and exported for pages, and the page
 * built beside it. What lies in `dist` afterwards is static: any web server will do.
 *
 *     npx tsx examples/browser-feed/build.ts            a minute or two
 *     npx tsx examples/browser-feed/build.ts --quick    seconds, with a worse model
 *     npx tsx examples/browser-feed/build.ts --serve    and serve it on this machine
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { build, context } from "esbuild";
import { exportForDevice, openRun, parseConfig, trainRun } from "millrace/run";
import { exampleConfig, generateWorld } from "millrace/world";

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    serve: { type: "boolean", default: false },
    out: { type: "string", default: join(here, "dist") },
  },
});
const { quick, out } = values;
const work = mkdtempSync(join(tmpdir(), "millrace-feed-"));
mkdirSync(out, { recursive: true });

// A marketplace in which tastes are strong, so that a few clicks say something.
const world = join(work, "world");
const impressions = quick ? 30_000 : 300_000;
const users = quick ? 700 : 5_000;
await generateWorld({ seed: 11, users, items: 400, impressions, affinityStrength: 1.3 }, world);

const config = parseConfig({
  data: { ...exampleConfig(world).data, cacheDir: join(work, "cache") },
  features: [
    // Rare users train the row of unknown ones, which is every visitor's until it becomes their own.
    { name: "user_id", kind: "categorical", minCount: 40 },
    ...["item_id", "category", "subcategory", "format", "domain", "position", "hour"].map((name) => ({
      name,
      kind: "categorical" as const,
    })),
    { name: "price", kind: "numeric", transform: "log_standard" },
    { name: "history_items", kind: "sequence", target: "item_id", maxLength: 20 },
    {
      name: "history_categories",
      kind: "sequence",
      target: "category",
      alignedWith: "history_items",
      maxLength: 20,
    },
  ],
  labels: [{ name: "click" }],
  timestamp: "time",
  timestampUnit: "s",
  model: {
    name: "DIN",
    embeddingDim: 8,
    embeddingStd: 0.01,
    hiddenUnits: [32, 16],
    attentionHiddenUnits: [16],
  },
  training: {
    batchSize: 1024,
    epochs: quick ? 1 : 2,
    learningRate: quick ? 0.005 : 0.002,
    embeddingRegularizer: 1e-6,
    seed: 1,
  },
});
const run = join(work, "run");
const { test } = await trainRun(config, { directory: run });
console.log(`test AUC ${test?.metrics.click.auc.value?.toFixed(4)}`);

// The visitor's own row, what categories are worth, and the deep network may change on the device.
const trainable = [
  "embedding.tables.user_id",
  "embedding.tables.category",
  "embedding.tables.subcategory",
  "deep",
];
const bundle = await exportForDevice(openRun(run), { trainable });
writeFileSync(join(out, "feed.millrace"), bundle.bytes);

// What the feed can show: items that are there on the last day.
const database = await (await DuckDBInstance.create()).connect();
const items = await database.runAndReadAll(`
  SELECT item_id, category, subcategory, format, round(price, 2) AS price
  FROM read_parquet('${join(world, "items.parquet")}')
  WHERE birth_day <= 18 AND coalesce(retirement_day, 99) > 18 ORDER BY item_id`);
database.closeSync();
writeFileSync(join(out, "items.json"), JSON.stringify(items.getRowObjectsJson()));

const page = {
  entryPoints: { feed: join(here, "feed.ts") },
  bundle: true,
  splitting: true,
  format: "esm" as const,
  target: "es2022",
  minify: true,
  outdir: out,
};
await build(page);
for (const name of ["index.html", "feed.css"]) copyFileSync(join(here, name), join(out, name));
const runtime = "ort-wasm-simd-threaded.wasm";
const distribution = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
copyFileSync(join(distribution, runtime), join(out, runtime));
rmSync(work, { recursive: true });
console.log(
  `${out}: ${items.currentRowCount} items, a bundle of ${Math.round(bundle.bytes.length / 1024)} KiB`,
);

if (values.serve) {
  const { hosts, port } = await (await context(page)).serve({ servedir: out, host: "127.0.0.1" });
  console.log(`http://${hosts[0]}:${port}/ (end with Ctrl-C)`);
}
