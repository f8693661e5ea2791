/**
 * A model's values as a tree keyed by path, apart from any learner: parameters, running states, tables.
 * Trees are copied, mixed and put back; optimizer state is no part of them (`snapshot.ts` has both).
 */
import { assert } from "../core/index.ts";
import type { ModelWeights } from "./model-weights.ts";

/** `parameter/<path>`, `state/<path>` and `table/<path>`, packed. */
export type WeightTree = ReadonlyMap<string, Float32Array>;

/** A copy of the values. */
export function cloneWeights(weights: ModelWeights): WeightTree {
  const tree = new Map<string, Float32Array>();
  for (const [k, path] of [...weights.parameters.keys()].entries())
    tree.set(`parameter/${path}`, weights.dense.parameter(k).slice());
  for (const [path, state] of weights.states) tree.set(`state/${path}`, weights.state(state).slice());
  for (const [table, { path }] of weights.placement.tables) tree.set(`table/${path}`, weights.table(table));
  return tree;
}

/** Puts values back; optimizer state stays as it is. The tree must be of the same model. */
export function restoreWeights(weights: ModelWeights, tree: WeightTree): void {
  const at = (name: string, size: number): Float32Array => {
    const values = tree.get(name);
    assert(values?.length === size, `the weights have no ${name} of ${size} values`);
    return values as Float32Array;
  };
  for (const [k, path] of [...weights.parameters.keys()].entries()) {
    const own = weights.dense.parameter(k);
    own.set(at(`parameter/${path}`, own.length));
  }
  for (const [path, state] of weights.states) {
    weights.stateValues.set(state, at(`state/${path}`, weights.state(state).length).slice());
  }
  for (const [table, { path, arena, first }] of weights.placement.tables) {
    const values = at(`table/${path}`, table.rows * table.dim);
    weights.arenas[arena].writeWeights({ first, count: table.rows }, values);
  }
}

/**
 * `Σ c_b θ_b`, value by value, in float64 and rounded once. Trees with coefficient 0 are not read, so one
 * coefficient of 1 gives that tree's bits.
 */
export function mixWeights(trees: readonly WeightTree[], coefficients: readonly number[]): WeightTree {
  assert(trees.length === coefficients.length, "one coefficient a tree");
  const used = trees.map((tree, b) => ({ tree, c: coefficients[b] })).filter(({ c }) => c !== 0);
  const mixed = new Map<string, Float32Array>();
  for (const [name, like] of trees[0]) {
    const parts = used.map(({ tree, c }) => ({ values: tree.get(name) as Float32Array, c }));
    const out = new Float32Array(like.length);
    for (let i = 0; i < out.length; i++) {
      let sum = 0;
      for (const { values, c } of parts) sum += c * values[i];
      out[i] = sum;
    }
    mixed.set(name, out);
  }
  return mixed;
}
