/** Merges nodes that compute the same thing: same op, same attributes, same inputs. */
import { topological } from "../autodiff/index.ts";
import { type AnyOp, Tensor } from "../tensor/index.ts";

/** The roots rebuilt over merged nodes. Leaves keep their identity. */
export function mergeCommonSubexpressions(roots: readonly Tensor[]): Tensor[] {
  const merged = new Map<Tensor, Tensor>();
  const byKey = new Map<string, Tensor>();
  const numbers = new Map<AnyOp, number>();
  // Two ops may carry one name; only the same record computes the same thing.
  const opNumber = (op: AnyOp): number => {
    const number = numbers.get(op) ?? numbers.size;
    numbers.set(op, number);
    return number;
  };
  for (const node of topological(...roots)) {
    const inputs = node.inputs.map((input) => merged.get(input) as Tensor);
    const key = keyOf(node, inputs, opNumber);
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
function keyOf(node: Tensor, inputs: readonly Tensor[], opNumber: (op: AnyOp) => number): string | undefined {
  const { op, attributes } = node;
  if (op.name === "input") return undefined;
  if (op.name === "constant") {
    const { data } = attributes as { data: ArrayLike<number> };
    if (data.length > 256) return undefined;
    // Text that tells -0 from 0 and infinities from each other, which JSON does not.
    const numbers = Array.from(data, (value) => (Object.is(value, -0) ? "-0" : String(value)));
    return `constant:${node.dtype}:[${node.shape}]:${numbers.join(",")}`;
  }
  const operands = inputs.map((input) => input.id).join(",");
  return `${opNumber(op)}:${node.dtype}:[${node.shape}]:${JSON.stringify(attributes)}:${operands}`;
}
