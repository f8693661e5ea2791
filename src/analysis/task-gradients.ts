/**
 * What tasks want of the weights that they share, at a trained model's weights: the cosine between their gradients
 * (below 0: conflict), and each task's share of the squared gradient, which is the share of squared updates that a plain
 * gradient step would have. AdaTask's rAU, which follows the optimizer through training, is recorded by runs with
 * `training.multi_task.measure`; this needs nothing of the run but its files. Dropout is off, batch norm reads its
 * running moments, auxiliary losses are left out.
 */
import { grad, reachedBy } from "../autodiff/index.ts";
import { compile } from "../compile/index.ts";
import type { Engine, HostTensor } from "../engine/index.ts";
import { binaryCrossEntropy } from "../losses/index.ts";
import { Trace, withTrace } from "../module/index.ts";
import { hostTensor } from "../onnx/index.ts";
import { buildModel, type OpenRun, runWeights } from "../run/index.ts";
import { batchLayout, type BatchSource } from "../schema/index.ts";
import { Tensor } from "../tensor/index.ts";
import { ColumnBatch } from "../training/index.ts";
import { type NotApplicable, notApplicable } from "./tool.ts";

export interface TaskGradients {
  readonly tasks: readonly string[];
  readonly batches: number;
  /** By pair, `click|like`: over all shared weights, mean over batches. */
  readonly cosine: { readonly [pair: string]: number | null };
  /** Share of batches whose cosine is below 0. */
  readonly conflict: { readonly [pair: string]: number };
  /** By shared weight: cosines by pair, and shares of the squared gradient by task. */
  readonly weights: readonly {
    readonly path: string;
    readonly cosine: { readonly [pair: string]: number | null };
    readonly share: { readonly [task: string]: number };
  }[];
}

export interface TaskGradientOptions {
  /** @default 8 */
  readonly batches?: number;
  /** @default 1024 */
  readonly batchSize?: number;
}

export async function taskGradients(
  run: OpenRun,
  engine: Engine,
  source: BatchSource,
  { batches = 8, batchSize = 1024 }: TaskGradientOptions = {},
): Promise<TaskGradients | NotApplicable> {
  const { config, map } = run;
  const model = buildModel(config, map);
  const named = model.namedTables();
  const batch = new ColumnBatch(map, new Map([...named].map(([path, table]) => [table, path])));
  const logits = withTrace(new Trace({ training: false }), () => model.forward(batch));
  const binary = map.labels.filter(({ kind }) => kind === "binary").map(({ name }) => name);
  if (logits instanceof Tensor || binary.length < 2) return notApplicable("the model has one task");
  const tasks = binary.filter((name) => logits[name] !== undefined);
  const losses = tasks.map((name) => binaryCrossEntropy(logits[name], batch.inputs.column(name)));
  const leaves = [
    ...[...model.namedParameters()].filter(([, { trainable }]) => trainable),
    ...[...batch.tables].filter(([path]) => named.get(path)?.trainable),
  ];
  const reached = losses.map((loss) =>
    reachedBy(
      loss,
      leaves.map(([, leaf]) => leaf),
    ),
  );
  const shared = leaves.filter(([, leaf]) => reached.filter((set) => set.has(leaf)).length > 1);
  if (shared.length === 0) return notApplicable("the tasks share no weights");
  const outputs: { [name: string]: Tensor } = {};
  for (const [t, loss] of losses.entries()) {
    const gradients = grad(
      loss,
      shared.map(([, leaf]) => leaf),
    );
    for (const [k, [path]] of shared.entries()) outputs[`${tasks[t]}:${path}`] = gradients[k];
  }
  const bindings = new Map<Tensor, { name: string }>();
  for (const [column, tensor] of batch.inputs.used) bindings.set(tensor, { name: `column:${column}` });
  for (const [path, tensor] of batch.tables) bindings.set(tensor, { name: `table:${path}` });
  for (const [path, leaf] of [...model.namedParameters(), ...model.namedStates()])
    bindings.set(leaf, { name: `leaf:${path}` });
  const graph = compile({ outputs, leaves: bindings });
  const session = await engine.load(graph.model);
  const weights = runWeights(run);
  const feeds: { [name: string]: HostTensor } = {};
  const feed = (name: string, make: () => HostTensor): void => {
    if (graph.inputs.includes(name)) feeds[name] = make();
  };
  for (const [path, { rows, dim }] of named)
    feed(`table:${path}`, () => hostTensor("float32", [rows, dim], weights.table(path)));
  for (const [path, { shape }] of model.namedParameters())
    feed(`leaf:${path}`, () => hostTensor("float32", shape, weights.parameter(path)));
  for (const [path, { shape }] of model.namedStates())
    feed(`leaf:${path}`, () => hostTensor("float32", shape, weights.state(path)));
  const layout = batchLayout(map);
  const meter = new PairMeter(
    tasks,
    shared.map(([path]) => path),
  );
  try {
    for await (const rows of source.batches({ batchSize, shuffle: { seed: 1, epoch: 0 } })) {
      for (const { name, width, dtype } of layout) {
        const dims = width === 1 ? [rows.size] : [rows.size, width];
        feed(`column:${name}`, () =>
          hostTensor(dtype === "int32" ? "int32" : "float32", dims, rows.columns[name]),
        );
      }
      const results = await session.run(feeds);
      meter.add((task, path) => results[`${task}:${path}`].data as Float32Array);
      if (meter.batches >= batches) break;
    }
  } finally {
    await session.release();
  }
  return meter.report();
}

/** Adds up products of tasks' gradients, weight by weight. */
class PairMeter {
  readonly tasks: readonly string[];
  readonly #paths: readonly string[];
  readonly #pairs: readonly (readonly [a: number, b: number])[];
  /** By path, then `tasks × tasks`: sums over batches. */
  readonly #products: Float64Array[];
  readonly #cosines: (number | null)[][] = [];
  batches = 0;

  constructor(tasks: readonly string[], paths: readonly string[]) {
    this.tasks = tasks;
    this.#paths = paths;
    this.#pairs = tasks.flatMap((_, a) => tasks.slice(a + 1).map((_, k) => [a, a + 1 + k] as const));
    this.#products = paths.map(() => new Float64Array(tasks.length ** 2));
  }

  add(gradient: (task: string, path: string) => Float32Array): void {
    const count = this.tasks.length;
    const whole = new Float64Array(count ** 2);
    for (const [k, path] of this.#paths.entries()) {
      const each = this.tasks.map((task) => gradient(task, path));
      for (let a = 0; a < count; a++) {
        for (let b = 0; b < count; b++) {
          const product = each[a].reduce((sum, value, i) => sum + value * each[b][i], 0);
          this.#products[k][a * count + b] += product;
          whole[a * count + b] += product;
        }
      }
    }
    this.#cosines.push(this.#pairs.map((pair) => this.#cosine(whole, pair)));
    this.batches++;
  }

  report(): TaskGradients {
    const count = this.tasks.length;
    const byPair = <T>(value: (pair: number) => T): { [pair: string]: T } =>
      Object.fromEntries(this.#pairs.map(([a, b], p) => [`${this.tasks[a]}|${this.tasks[b]}`, value(p)]));
    const known = (p: number): number[] =>
      this.#cosines.map((row) => row[p]).filter((value) => value !== null);
    const mean = (values: readonly number[]): number | null =>
      values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
    return {
      tasks: this.tasks,
      batches: this.batches,
      cosine: byPair((p) => mean(known(p))),
      conflict: byPair((p) => mean(known(p).map((value) => Number(value < 0))) ?? 0),
      weights: this.#paths.map((path, k) => {
        const squares = this.tasks.map((_, t) => this.#products[k][t * count + t]);
        const total = squares.reduce((sum, value) => sum + value, 0);
        return {
          path,
          cosine: byPair((p) => this.#cosine(this.#products[k], this.#pairs[p])),
          share: Object.fromEntries(
            this.tasks.map((task, t) => [task, total === 0 ? 1 / count : squares[t] / total]),
          ),
        };
      }),
    };
  }

  #cosine(products: Float64Array, [a, b]: readonly [number, number]): number | null {
    const count = this.tasks.length;
    const norm = Math.sqrt(products[a * count + a] * products[b * count + b]);
    return norm === 0 ? null : products[a * count + b] / norm;
  }
}
