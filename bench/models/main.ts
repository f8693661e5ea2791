/**
 * `npm run -s bench:models -- [--json] [--steps N] [--only TEXT]`: every ranking model at one size, then every retrieval
 * model at another, with default options: parameters, arithmetic, memory, time of a training step.
 *
 * The size of ranking models: 20 categorical fields of 10,000 values, 5 numbers, a history of 50 events with the
 * candidate's item and category, three domains; models of several labels have two; batch 1024. That of retrieval
 * models is in `retrieval.ts`. Lazy Adam, two threads.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { CounterRandom } from "../../src/core/index.ts";
import { nativeEngine } from "../../src/engine/native.ts";
import { type ModelDescription, models } from "../../src/models/index.ts";
import {
  batchLayout,
  DOMAIN_ENCODER,
  type EncodedBatch,
  type Feature,
  type FeatureMap,
  FIRST_VALUE_ID,
  type Label,
} from "../../src/schema/index.ts";
import {
  defaultObjective,
  estimateMemory,
  Learner,
  modelCost,
  optimizerOptions,
  optimizersOf,
  positionsFor,
} from "../../src/training/index.ts";
import { retrievalSize, retrievalSubjects } from "./retrieval.ts";
import type { Subject } from "./subject.ts";

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    steps: { type: "string", default: "5" },
    only: { type: "string", default: "" },
  },
});
const steps = Number(args.steps);
const size = { batch: 1024, fields: 20, values: 10_000, numbers: 5, length: 50, domains: 3 } as const;

function schemaFor({ predicts }: ModelDescription): FeatureMap {
  const vocabulary = { type: "hash", buckets: size.values, seed: 0 } as const;
  const encoder = {
    valueType: "int64",
    trim: false,
    vocabulary,
    size: size.values + FIRST_VALUE_ID,
  } as const;
  const names = ["item", "category", ...Array.from({ length: size.fields - 2 }, (_, k) => `c${k}`)];
  const transform = { clip: undefined, log: false, mean: 0, scale: 1, fill: 0 };
  const sequence = (name: string, target: string, alignedWith: string | undefined): Feature => ({
    kind: "sequence",
    name,
    column: name,
    encoder: target,
    separator: undefined,
    maxLength: size.length,
    target,
    alignedWith,
    timesColumn: undefined,
  });
  const label = (name: string): Label => ({
    name,
    column: name,
    threshold: undefined,
    positive: undefined,
    kind: "binary",
  });
  return {
    version: 1,
    features: [
      ...names.map((name): Feature => ({ kind: "categorical", name, column: name, encoder: name })),
      ...Array.from(
        { length: size.numbers },
        (_, k): Feature => ({ kind: "numeric", name: `n${k}`, column: `n${k}`, transform }),
      ),
      sequence("items", "item", undefined),
      sequence("categories", "category", "items"),
    ],
    encoders: {
      ...Object.fromEntries(names.map((name) => [name, encoder])),
      [DOMAIN_ENCODER]: {
        valueType: "string",
        trim: false,
        vocabulary: { type: "list", values: ["a", "b", "c"], minCount: 1 },
        size: size.domains + FIRST_VALUE_ID,
      },
    },
    labels: predicts === "every label" ? [label("click"), label("buy")] : [label("click")],
    weight: undefined,
    group: undefined,
    domain: "domain",
    timestamp: undefined,
    timestampUnit: undefined,
  };
}

function drawBatch(map: FeatureMap, seed: number): EncodedBatch {
  const columns: { [name: string]: Int32Array | Float32Array | Float64Array } = {};
  for (const { name, role, dtype, width } of batchLayout(map)) {
    const random = new CounterRandom(seed, name);
    const length = size.batch * width;
    if (name.endsWith(".length")) columns[name] = new Int32Array(length).fill(size.length);
    else if (name.endsWith(".missing")) columns[name] = new Float32Array(length);
    else if (role === "label") {
      columns[name] = Float32Array.from({ length }, (_, i) => (random.uniform(i) < 0.2 ? 1 : 0));
    } else if (dtype === "int32") {
      const values = role === "domain" ? size.domains : size.values;
      columns[name] = Int32Array.from({ length }, (_, i) => FIRST_VALUE_ID + random.integer(i, values));
    } else columns[name] = Float32Array.from({ length }, (_, i) => random.normal(i));
  }
  return { size: size.batch, columns };
}

interface Row {
  readonly model: string;
  readonly parameters: number;
  readonly tableParameters: number;
  readonly megaflopsPerRow: number;
  readonly memoryMiB: number;
  readonly loadSeconds: number;
  readonly millisecondsPerStep: number;
}

/** What a model must be told of the data. */
const told: { readonly [model: string]: object } = {
  EarlyStageMTL: { itemFeatures: ["item", "category"] },
};

const engine = await nativeEngine();
const optimizer = optimizerOptions.parse({ embeddingUpdate: "lazy" });
function* rankingSubjects(): Generator<Subject> {
  for (const description of models) {
    yield {
      name: description.name,
      build() {
        const map = schemaFor(description);
        const model = description.create(map, told[description.name] ?? {});
        const source = { model, schema: map, layout: batchLayout(map), objective: defaultObjective(map) };
        return { source, batchSize: size.batch, batches: [drawBatch(map, 1), drawBatch(map, 2)] };
      },
    };
  }
}

async function measure({ name, build }: Subject): Promise<Row> {
  const { source, batchSize, batches } = build();
  const { parameters, tableParameters, flopsPerRow } = modelCost(source.model, source.schema);
  const positions = positionsFor(source, batchSize);
  const lines = estimateMemory(source.model, { positions, ...optimizersOf(optimizer) });
  const began = performance.now();
  const learner = await Learner.create({ ...source, engine, optimizer, batchSize, seed: 1, threads: 2 });
  await learner.step(batches[0]);
  const loadSeconds = (performance.now() - began) / 1000;
  const times: number[] = [];
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    await learner.step(batches[step % 2]);
    times.push(performance.now() - start);
  }
  await learner.release();
  return {
    model: name,
    parameters,
    tableParameters,
    megaflopsPerRow: flopsPerRow / 1e6,
    memoryMiB: lines.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20,
    loadSeconds,
    millisecondsPerStep: times.toSorted((a, b) => a - b)[times.length >> 1],
  };
}

async function measureAll(subjects: Iterable<Subject>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const subject of subjects) {
    if (!subject.name.toLowerCase().includes(args.only.toLowerCase())) continue;
    const row = await measure(subject);
    rows.push(row);
    console.error(
      `| ${row.model} | ${row.parameters.toLocaleString("en-US")} | ${row.tableParameters.toLocaleString("en-US")} | ` +
        `${row.megaflopsPerRow.toFixed(2)} | ${Math.round(row.memoryMiB)} | ${row.loadSeconds.toFixed(1)} | ${row.millisecondsPerStep.toFixed(0)} |`,
    );
  }
  return rows;
}

const results = await measureAll(rankingSubjects());
const retrieval = { size: retrievalSize, results: await measureAll(retrievalSubjects()) };
if (args.json) {
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version };
  console.log(JSON.stringify({ machine, size, results, retrieval }, null, 2));
}
