/**
 * The two graphs with which a device predicts and learns. Parameters and rows that it may change are inputs of
 * both; everything else is a value that both share. The training graph differentiates with respect to the chosen
 * parts alone:
 *
 *     loss = Σ over labels l, rows i of share_{l,i} · (softplus(z) - y·z),   squares for real labels
 *
 * with z the logit behind the served probability and the shares fed by the host: they weigh events and leave out
 * labels that an event does not have. The model learns as evaluation sees it: no dropout, running statistics and
 * auxiliary losses left alone, since a handful of one person's events is no batch to take moments of.
 */
import { grad } from "../../autodiff/index.ts";
import { compile, type LeafBinding } from "../../compile/index.ts";
import { assert, ConfigError } from "../../core/index.ts";
import { type Model, Trace, batchDim, withTrace } from "../../module/index.ts";
import { add, mul, softplus, square, sub, sum } from "../../ops/index.ts";
import type { FeatureMap } from "../../schema/index.ts";
import { input, type Tensor } from "../../tensor/index.ts";
import { forward, isRealLabel, logitOffset, predictionOf } from "../graphs.ts";
import { checkPatterns, matchesPath } from "../path-pattern.ts";
import { DeviceBatch, type FedRows } from "./device-batch.ts";

/** Values that the device does not change, by the name of the graphs' input. */
export type SharedValue = {
  readonly kind: "table" | "parameter" | "state";
  readonly path: string;
  readonly shape: readonly number[];
};

export interface DeviceParameter {
  readonly path: string;
  readonly shape: readonly number[];
  /** The graphs' input. */
  readonly input: string;
}

export interface DeviceTable {
  readonly path: string;
  readonly rows: number;
  readonly dim: number;
  /** Row 0 is padding and never moves. */
  readonly padding: boolean;
}

export interface DeviceGraphs {
  /** Outputs `@prediction:<label>`. */
  readonly prediction: Uint8Array;
  /** Outputs `@loss` and `@gradient:<input>`; inputs `<label>` and `@share:<label>` besides. Absent: nothing learns. */
  readonly training: Uint8Array | undefined;
  readonly labels: readonly string[];
  readonly rows: readonly FedRows[];
  readonly tables: readonly DeviceTable[];
  readonly parameters: readonly DeviceParameter[];
  /** Inputs that stand for shared values, to be stored with both graphs. */
  readonly shared: ReadonlyMap<string, SharedValue>;
}

/**
 * @param trainable patterns of parameter and table paths that the device may change
 * @throws ConfigError for a pattern that names nothing, or parts that predictions do not depend on
 */
export function deviceGraphs(model: Model, schema: FeatureMap, trainable: readonly string[]): DeviceGraphs {
  const tables = model.namedTables();
  const parameters = model.namedParameters();
  const paths = [...parameters.keys(), ...tables.keys()];
  checkPatterns("trainable", trainable, paths);
  const chosen = new Set(paths.filter((path) => trainable.some((pattern) => matchesPath(pattern, path))));
  const batch = new DeviceBatch(schema, tables, chosen);
  const logits = withTrace(new Trace({ training: false }), () => forward(model, schema, batch));
  const labels = Object.keys(logits);
  const predictions = Object.fromEntries(
    labels.map((label) => [`@prediction:${label}`, predictionOf(schema, label, logits[label], batch)]),
  );

  const leaves = new Map<Tensor, LeafBinding>();
  const shared = new Map<string, SharedValue>();
  const share = (leaf: Tensor, name: string, value: SharedValue): void => {
    leaves.set(leaf, { name });
    shared.set(name, value);
  };
  for (const [tensor, { input: name }] of batch.fed) leaves.set(tensor, { name });
  for (const [path, tensor] of batch.columns.tables) {
    share(tensor, `@table:${path}`, { kind: "table", path, shape: tensor.shape as readonly number[] });
  }
  const moving: DeviceParameter[] = [];
  for (const [path, parameter] of parameters) {
    const { shape } = parameter;
    const name = `@parameter:${path}`;
    if (!chosen.has(path)) share(parameter, name, { kind: "parameter", path, shape });
    else {
      leaves.set(parameter, { name });
      moving.push({ path, shape, input: name });
    }
  }
  for (const [path, state] of model.namedStates()) {
    share(state, `@state:${path}`, { kind: "state", path, shape: state.shape });
  }
  const columns = (): void => {
    for (const [column, tensor] of batch.columns.inputs.used) leaves.set(tensor, { name: column });
  };
  columns();
  const prediction = compile({ outputs: predictions, leaves });
  const used = new Set(prediction.inputs);
  const movingUsed = moving.filter(({ input: name }) => used.has(name));
  const fedUsed = [...batch.fed].filter(([, { input: name }]) => used.has(name));
  if (chosen.size > 0 && movingUsed.length + fedUsed.length === 0) {
    throw new ConfigError("trainable: predictions do not depend on the parts that were named", {
      details: { trainable },
      hint: "they take part in training only; name parts of the model that predicts",
    });
  }

  let training: Uint8Array | undefined;
  if (chosen.size > 0) {
    const losses = labels.map((label) => {
      const each = lossOf(schema, label, logits[label], batch.columns.inputs.column(label));
      const shares = input(`@share:${label}`, [batchDim]);
      leaves.set(shares, { name: `@share:${label}` });
      return sum(mul(each, shares));
    });
    columns();
    const loss = losses.reduce((all, one) => add(all, one));
    const moved = [...parameters].filter(([path]) => movingUsed.some((one) => one.path === path));
    const names = [...movingUsed.map((one) => one.input), ...fedUsed.map(([, rows]) => rows.input)];
    const gradients = grad(loss, [...moved.map(([, leaf]) => leaf), ...fedUsed.map(([tensor]) => tensor)]);
    const outputs: { [name: string]: Tensor } = { "@loss": loss };
    for (const [k, name] of names.entries()) outputs[`@gradient:${name}`] = gradients[k];
    const compiled = compile({ outputs, leaves });
    training = compiled.model;
    for (const name of compiled.inputs) used.add(name);
  }
  for (const name of shared.keys()) if (!used.has(name)) shared.delete(name);
  const rows = fedUsed.map(([, fed]) => fed);
  const fedTables = [...tables].filter(([path]) => rows.some(({ table }) => table === path));
  assert(new Set(rows.map(({ input: name }) => name)).size === rows.length, "one input a fed column");
  return {
    prediction: prediction.model,
    training,
    labels,
    rows,
    tables: fedTables.map(([path, { rows: count, dim, padding }]) => ({ path, rows: count, dim, padding })),
    parameters: movingUsed,
    shared,
  };
}

/** A row's loss, `[batch]`; of the logit that the probability is the sigmoid of, weights of training taken back. */
function lossOf(schema: FeatureMap, label: string, logit: Tensor, target: Tensor): Tensor {
  if (isRealLabel(schema, label)) return square(sub(logit, target));
  const offset = logitOffset(schema, label);
  const z = offset === 0 ? logit : add(logit, offset);
  return sub(softplus(z), mul(target, z));
}
