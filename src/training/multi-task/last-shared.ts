/**
 * The last weights that all tasks share, which is where GradNorm looks at gradient norms: matrices that
 * every task's loss reaches and that no other such matrix lies above. Where tasks share no matrix, as with
 * common embeddings under separate towers, the looked-up rows that all of them read.
 */
import { reachedBy, topological } from "../../autodiff/index.ts";
import { ConfigError } from "../../core/index.ts";
import type { Tensor } from "../../tensor/index.ts";

export function lastShared(
  losses: readonly Tensor[],
  leaves: { readonly parameters: readonly Tensor[]; readonly rows: readonly Tensor[] },
): Tensor[] {
  const sharedOf = (tensors: readonly Tensor[]): Tensor[] => {
    const sets = losses.map((loss) => reachedBy(loss, tensors));
    return tensors.filter((tensor) => sets.every((set) => set.has(tensor)));
  };
  const matrices = sharedOf(leaves.parameters.filter(({ rank }) => rank > 1));
  if (matrices.length > 0) return withoutLower(losses, matrices);
  const rows = sharedOf(leaves.rows);
  if (rows.length > 0) return rows;
  throw new ConfigError("gradnorm compares gradients on weights that all tasks share, and there are none", {
    hint: "use another weighting, or a model whose tasks share a layer or embeddings",
  });
}

/** Leaves out a matrix on whose output another one's layer works. */
function withoutLower(losses: readonly Tensor[], matrices: readonly Tensor[]): Tensor[] {
  const wanted = new Set(matrices);
  const lower = new Set<Tensor>();
  const below = new Map<Tensor, ReadonlySet<Tensor>>();
  for (const node of topological(...losses)) {
    const found = new Set<Tensor>();
    for (const input of node.inputs) {
      for (const matrix of below.get(input) ?? []) found.add(matrix);
      if (wanted.has(input)) found.add(input);
    }
    for (const input of node.inputs) {
      if (!wanted.has(input)) continue;
      for (const matrix of found) if (!node.inputs.includes(matrix)) lower.add(matrix);
    }
    below.set(node, found);
  }
  const last = matrices.filter((matrix) => !lower.has(matrix));
  return last.length > 0 ? last : [...matrices];
}
