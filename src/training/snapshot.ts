/**
 * Everything a later step depends on, as named views of raw bytes: rows with their optimizer state,
 * dense parameters with theirs, running states. Copied out and back, training goes on bit by bit.
 */
import { DataError } from "../core/index.ts";
import type { ModelWeights } from "./model-weights.ts";

export type Snapshot = ReadonlyMap<string, Uint8Array>;

/** Views of the live values; writing into them changes the model. */
export function weightViews(weights: ModelWeights): Map<string, Uint8Array> {
  const views = new Map<string, Uint8Array>();
  for (const { path, table, arena, first } of weights.placement.tables.values()) {
    const parts = weights.arenas[arena].rowBytes({ first, count: table.rows });
    for (const [k, view] of parts.entries()) views.set(`rows/${path}/${k}`, view);
  }
  for (const [k, view] of weights.dense.stateBytes().entries()) views.set(`dense/${k}`, view);
  for (const [name, { buffer, byteOffset, byteLength }] of weights.methodState) {
    views.set(`method/${name}`, new Uint8Array(buffer, byteOffset, byteLength));
  }
  for (const [path, state] of weights.states) {
    const values = weights.state(state);
    views.set(`state/${path}`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return views;
}

export function takeSnapshot(weights: ModelWeights): Snapshot {
  return new Map([...weightViews(weights)].map(([name, view]) => [name, view.slice()]));
}

/** What a method of training several tasks remembers from step to step; predictions do not depend on it. */
export function isMethodState(name: string): boolean {
  return name.startsWith("method/");
}

/**
 * @param methods restore what methods of training several tasks remember, which may depend on the batch size
 * @throws DataError when the snapshot is of another model or optimizer
 */
export function restoreSnapshot(weights: ModelWeights, snapshot: Snapshot, { methods = true } = {}): void {
  // States may be views of a runtime's results; fresh arrays are ours to write.
  for (const [state, values] of weights.stateValues) weights.stateValues.set(state, values.slice());
  const views = [...weightViews(weights)].filter(([name]) => methods || !isMethodState(name));
  for (const [name, view] of views) {
    const saved = snapshot.get(name);
    if (saved === undefined || saved.byteLength !== view.byteLength) {
      throw new DataError(`the saved weights do not fit this model at "${name}"`, {
        details: { name, expectedBytes: view.byteLength, savedBytes: saved?.byteLength ?? null },
        hint: "resume with the configuration (model, optimizer, features) that the run was started with",
      });
    }
  }
  for (const [name, view] of views) view.set(snapshot.get(name) as Uint8Array);
}
