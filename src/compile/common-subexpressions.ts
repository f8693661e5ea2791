/** Merges nodes that compute the same thing: same op, same attributes, same inputs. */
import { topological } from "../autodiff/index.ts";
import { Tensor } from "../tensor/index.ts";

/** The roots rebuilt over merged nodes. Leaves keep their identity. */
export function mergeCommonSubexpressions(roots: readonly Tensor[]): Tensor[] {
  const merged = new Map<Tensor, Tensor>();
  const byKey = new Map<string, Tensor>();
  for (const node of topological(...roots)) {
    const inputs = node.inputs.map((input) => merged.get(input) as Tensor);
    const key = keyOf(node, inputs);
    const same = key === undefined ? undefined : byKey.get(key);
    const kept = same ?? rebuild(node, inputs);
    if (key !== undefined && same === undefined) byKey.set(key, kept);
    merged.set(node, kept);
  }
  return roots.map((root) => merged.get(root) as Tensor);
}

function rebuild(node: Tensor, inputs: readonly Tensor[]): Tensor {
  const unchanged = inputs.every((input, k) => input === node.inputs[k]);
  return unchanged ? node : new Tensor(node.op, inputs, node.attributes, node.dtype, node.shape);
}

/** Undefined for nodes that are never merged: inputs, parameters and large constants. */
function keyOf(node: Tensor, inputs: readonly Tensor[]): string | undefined {
  const { op, attributes } = node;
  if (op.name === "input") return undefined;
  if (op.name === "constant" && node.shape.length > 0) {
    const { data } = attributes as { data: ArrayLike<number> };
    if (data.length > 256) return undefined;
    return `constant:${node.dtype}:${node.shape}:${Array.from(data).join(",")}`;
  }
  return `${op.name}:${node.dtype}:${JSON.stringify(attributes)}:${inputs.map((input) => input.id).join(",")}`;
}
