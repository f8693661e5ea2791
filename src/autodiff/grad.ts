/**
 * Reverse-mode gradients, graph to graph: the result is made of ordinary ops and can be
 * differentiated again.
 */
import { ShapeError } from "../core/index.ts";
import { add, zeros } from "../ops/index.ts";
import { constant, sameShape, type Tensor } from "../tensor/index.ts";

export interface GradOptions {
  /** Gradient of the output, shaped like it. @default 1 for a scalar output */
  readonly seed?: Tensor;
}

/**
 * Gradients of a scalar with respect to any tensors of its graph; those are treated as leaves.
 * Where nothing flows the result is zeros (`reaches` tells the two apart).
 *
 * @throws ShapeError when the output is not a scalar and no seed is given
 */
export function grad(output: Tensor, wrt: readonly Tensor[], { seed }: GradOptions = {}): Tensor[] {
  if (seed === undefined && output.rank !== 0) {
    throw new ShapeError("grad: the output must be a scalar, or a seed be given", { output: output.shape });
  }
  const gradients = accumulate(output, wrt, seed ?? constant(1));
  return wrt.map((tensor) => gradients.get(tensor) ?? zeros(tensor));
}

/** Whether a gradient can flow from `output` to `tensor` (stop-gradients and integer paths block). */
export function reaches(output: Tensor, tensor: Tensor): boolean {
  return accumulate(output, [tensor], zeros(output)).has(tensor);
}

/** Those of `tensors` that a gradient can flow to from `output`; `reaches` for many at once. */
export function reachedBy(output: Tensor, tensors: readonly Tensor[]): Set<Tensor> {
  return new Set(accumulate(output, tensors, zeros(output)).keys());
}

function accumulate(output: Tensor, wrt: readonly Tensor[], seed: Tensor): Map<Tensor, Tensor> {
  if (!sameShape(seed.shape, output.shape)) {
    throw new ShapeError("grad: the seed must be shaped like the output", {
      seed: seed.shape,
      output: output.shape,
    });
  }
  const leaves = new Set(wrt);
  // Only nodes between the output and the leaves matter; the set keeps topological order.
  const between = new Set<Tensor>();
  for (const node of topological(output)) {
    if (leaves.has(node) || node.inputs.some((input) => between.has(input))) between.add(node);
  }
  const gradients = new Map<Tensor, Tensor>([[output, seed]]);
  for (const node of [...between].reverse()) {
    const g = gradients.get(node);
    if (g === undefined || leaves.has(node)) continue;
    if (node.op.vjp === undefined) throw new Error(`grad: op "${node.op.name}" has no derivative`);
    const parts: readonly (Tensor | null)[] = node.op.vjp(node.inputs, node, g, node.attributes);
    for (const [k, input] of node.inputs.entries()) {
      const part = parts[k];
      if (part === null || !between.has(input)) continue;
      const sum = gradients.get(input);
      gradients.set(input, sum === undefined ? part : add(sum, part));
    }
  }
  return new Map([...gradients].filter(([node]) => leaves.has(node)));
}

/** Every node the roots need, inputs before users. */
export function topological(...roots: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>();
  const pending = [...roots];
  while (pending.length > 0) {
    const node = pending.pop() as Tensor;
    if (seen.has(node)) continue;
    seen.add(node);
    pending.push(...node.inputs);
  }
  // A tensor is made after its inputs, so its id is larger.
  return [...seen].sort((a, b) => a.id - b.id);
}
