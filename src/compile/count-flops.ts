/** How much arithmetic a graph is, counted on symbols, without running it. */
import { topological } from "../autodiff/index.ts";
import { dimFactors, flopsOf, type Tensor } from "../tensor/index.ts";
import { mergeCommonSubexpressions } from "./common-subexpressions.ts";

/**
 * Arithmetic operations of a graph (a multiply-add is two, an element-wise function one an element; moving and
 * comparing data is free), by the named dimensions they grow with: `"batch"` counts those for each row of a
 * batch, `""` those that no batch size changes. What is computed twice counts once, as it is compiled.
 */
export function countFlops(outputs: readonly Tensor[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const node of topological(...mergeCommonSubexpressions(outputs))) {
    for (const term of flopsOf(node)) {
      const { constant, names } = dimFactors(term);
      const key = names.join("*");
      counts.set(key, (counts.get(key) ?? 0) + constant);
    }
  }
  return counts;
}
