/**
 * Going on with a model whose vocabularies have grown: old rows keep their values and their optimizer
 * state, the rows behind them start as a new model's do. Everything else is as it was saved.
 */
import { DataError } from "../core/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import type { ModelWeights } from "./model-weights.ts";
import { isMethodState, type Snapshot, weightViews } from "./snapshot.ts";

/**
 * Writes saved weights into those of a model built for the grown map and freshly initialised.
 *
 * @param maps the map that the weights were saved with, and the grown one
 * @throws DataError when a vocabulary of the grown map does not begin with the old one's values, or the
 * weights differ by more than rows
 */
export function growSnapshot(
  weights: ModelWeights,
  saved: Snapshot,
  maps: { readonly from: FeatureMap; readonly to: FeatureMap },
): void {
  checkGrown(maps.from, maps.to);
  // States may be views of a runtime's results; fresh arrays are ours to write.
  for (const [state, values] of weights.stateValues) weights.stateValues.set(state, values.slice());
  const views = weightViews(weights);
  const rowsOf = new Map([...weights.placement.tables.values()].map(({ path, table }) => [path, table.rows]));
  // Rows by their place among all tables, which growth moves.
  const placed = new Set(["method/gradient-memory"]);
  // What a method of weighing tasks remembers may be left behind; weights may not.
  const foreign = [...saved.keys()].find((name) => !views.has(name) && !isMethodState(name));
  if (foreign !== undefined) {
    throw new DataError(`the grown model has no place for the saved weights "${foreign}"`, {
      details: { name: foreign },
      hint: "go on with the same model, options and optimizer",
    });
  }
  for (const [name, view] of views) {
    const bytes = saved.get(name)?.byteLength;
    if (isMethodState(name) && (bytes !== view.byteLength || placed.has(name))) {
      views.delete(name); // starts anew
      continue;
    }
    const rows = rowsOf.get(/^rows\/(.+)\/\d+$/.exec(name)?.[1] ?? "");
    const whole = rows !== undefined && bytes !== undefined && bytes % (view.byteLength / rows) === 0;
    if (bytes === view.byteLength || (whole && bytes < view.byteLength)) continue;
    throw new DataError(`the saved weights do not fit the grown model at "${name}"`, {
      details: { name, expectedBytes: view.byteLength, savedBytes: bytes ?? null },
      hint: "a model grows by rows of its tables alone: keep model, optimizer and features as they were",
    });
  }
  for (const [name, view] of views) view.set(saved.get(name)!);
}

/** @throws DataError when ids of the old map mean something else in the new one */
function checkGrown(from: FeatureMap, to: FeatureMap): void {
  for (const [name, { vocabulary: before }] of Object.entries(from.encoders)) {
    const after = to.encoders[name]?.vocabulary;
    if (before.type === "hash") {
      const same = after?.type === "hash" && after.buckets === before.buckets && after.seed === before.seed;
      if (same) continue;
    } else if (after?.type === "list") {
      const at = before.values.findIndex((value, k) => after.values[k] !== value);
      if (at < 0) continue;
      throw new DataError(
        `vocabulary ${name} is no grown one: value ${at + 1} is ${JSON.stringify(after.values[at] ?? null)}, it was ${JSON.stringify(before.values[at])}`,
        {
          details: { encoder: name, expected: before.values[at], received: after.values[at] },
          hint: "encode the new data with the old run's feature map (prepareDataset with map and grow)",
        },
      );
    }
    throw new DataError(
      `vocabulary ${name} is of another kind than the one that the model was trained with`,
      {
        details: { encoder: name, expected: before.type, received: after?.type ?? null },
      },
    );
  }
}
