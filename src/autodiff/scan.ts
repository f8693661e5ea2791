/**
 * A recurrence over the first axis of its inputs, as one ONNX `Scan`:
 *
 *     h_t = step(h_{t-1}, x_t),   t = 0 … length-1 (or from the last to the first)
 *
 * The gradient runs a second scan the other way, C_t = ∂step/∂h · (g_t + C_{t+1}), and then takes the
 * gradients of inputs and of everything `step` closes over in one pass over all steps side by side. Both are
 * made of ordinary ops, so that they can be differentiated again. Compared with writing out every step, the
 * graph has one step, however long the sequence is.
 */
import { ShapeError } from "../core/index.ts";
import { add, concat, expandDims, reshape, slice, squeeze, zeros } from "../ops/index.ts";
import {
  apply,
  type Dim,
  defineOp,
  dimProduct,
  flopsOf,
  input,
  sameShape,
  type Shape,
  Tensor,
} from "../tensor/index.ts";
import { grad, topological } from "./grad.ts";

/**
 * One step: the next state `[rows, ...]` from the state before and this step's inputs `[rows, ...]`. Rows must
 * not see each other, their number must not be assumed, and nothing may be random. Other tensors without rows,
 * such as parameters, may be read freely; what is made of them alone is better made outside, once.
 */
export type ScanStep = (state: Tensor, inputs: readonly Tensor[]) => Tensor;

export interface ScanOptions {
  /** `[rows, ...]`. */
  readonly initial: Tensor;
  /** Each `[length, rows, ...]`. */
  readonly inputs: readonly Tensor[];
  /** From the last step to the first. @default false */
  readonly reverse?: boolean;
}

/**
 * States after every step, `[length, rows, ...]`, at the places of their inputs.
 *
 * @throws ShapeError when lengths differ or a step changes the state's shape
 */
export function scan(step: ScanStep, { initial, inputs, reverse = false }: ScanOptions): Tensor {
  const length = lengthOf(initial, inputs);
  const state = input("state", initial.shape, initial.dtype as "float32");
  const current = inputs.map((x, k) => input(`input${k}`, x.shape.slice(1), x.dtype as "float32"));
  const next = step(state, current);
  if (!sameShape(next.shape, initial.shape))
    throw new ShapeError("scan: a step must keep the state's shape", {
      initial: initial.shape,
      next: next.shape,
    });
  const closure = closureOf(next, [state, ...current]);
  const count = inputs.length;
  // A record of its own: two scans are never the same computation to the compiler.
  const op = defineOp<readonly Tensor[]>({
    name: "scan",
    infer: () => ({ dtype: initial.dtype, shape: [length, ...initial.shape] }),
    vjp: (_, states, g) =>
      scanGradients(step, { initial, inputs, reverse, states, g, captured: closure.captured }),
    // What is captured counts where it is made, and leaves count nothing.
    flops: () =>
      topological(closure.next).flatMap((node) => flopsOf(node).map((term) => dimProduct([length, term]))),
    lower(onnx, names) {
      const outer = names.slice(1 + count);
      const captured = new Map(closure.leaves.map((leaf, k) => [leaf, outer[k]]));
      const body = onnx.body({
        inputs: [state, ...current],
        captured,
        outputs: [closure.next, closure.next],
      });
      const direction = reverse ? 1 : 0;
      const attributes = {
        body,
        num_scan_inputs: count,
        scan_input_directions: inputs.map(() => direction),
        scan_output_directions: [direction],
      };
      return onnx.nodes("Scan", names.slice(0, 1 + count), 2, attributes)[1];
    },
  });
  return apply(op, [initial, ...inputs, ...closure.captured]);
}

function lengthOf(initial: Tensor, inputs: readonly Tensor[]): number {
  const [length] = inputs[0]?.shape ?? [];
  const fits = inputs.every(({ shape }) => shape[0] === length && shape[1] === initial.shape[0]);
  if (typeof length !== "number" || length === 0 || !fits)
    throw new ShapeError("scan: inputs must have one known length and the state's rows", {
      initial: initial.shape,
      inputs: inputs.map(({ shape }) => shape.join(" × ")),
    });
  return length;
}

interface Closure {
  /** Tensors of the outer graph that a step reads. */
  readonly captured: readonly Tensor[];
  /** What stands for them in the step. */
  readonly leaves: readonly Tensor[];
  /** The step over those. */
  readonly next: Tensor;
}

/**
 * A step's graph, cut off at what was there before it: those tensors (ids grow, so they have smaller ones than
 * the step's own first leaf) are the same whenever the step is built again.
 */
function closureOf(next: Tensor, own: readonly Tensor[]): Closure {
  const rebuilt = new Map<Tensor, Tensor>(own.map((leaf) => [leaf, leaf]));
  const captured: Tensor[] = [];
  const leaves: Tensor[] = [];
  const capture = (tensor: Tensor): Tensor => {
    const leaf = input(`captured${leaves.length}`, tensor.shape, tensor.dtype as "float32");
    captured.push(tensor);
    leaves.push(leaf);
    return leaf;
  };
  const inStep = (tensor: Tensor): Tensor => {
    let found = rebuilt.get(tensor);
    if (found === undefined) {
      found = capture(tensor);
      rebuilt.set(tensor, found);
    }
    return found;
  };
  for (const node of topological(next)) {
    if (node.id < own[0].id || rebuilt.has(node)) continue;
    const inputs = node.inputs.map(inStep);
    rebuilt.set(
      node,
      inputs.length === 0 ? node : new Tensor(node.op, inputs, node.attributes, node.dtype, node.shape),
    );
  }
  return { captured, leaves, next: inStep(next) };
}

interface Backward extends ScanOptions {
  readonly reverse: boolean;
  readonly states: Tensor;
  readonly g: Tensor;
  readonly captured: readonly Tensor[];
}

function scanGradients(
  step: ScanStep,
  { initial, inputs, reverse, states, g, captured }: Backward,
): Tensor[] {
  const length = states.shape[0] as number;
  const first = expandDims(initial, 0);
  const before = reverse
    ? concat([slice(states, { axis: 0, start: 1 }), first], { axis: 0 })
    : concat([first, slice(states, { axis: 0, end: length - 1 })], { axis: 0 });
  const back: ScanStep = (later, [own, state, ...current]) =>
    grad(step(state, current), [state], { seed: add(own, later) })[0];
  // C_t, the gradient of the state before step t.
  const carried = scan(back, { initial: zeros(initial), inputs: [g, before, ...inputs], reverse: !reverse });
  const none = expandDims(zeros(initial), 0);
  const later = reverse
    ? concat([none, slice(carried, { axis: 0, end: length - 1 })], { axis: 0 })
    : concat([slice(carried, { axis: 0, start: 1 }), none], { axis: 0 });
  const flat = inputs.map(sideBySide);
  const flatBefore = sideBySide(before);
  const all = step(flatBefore, flat);
  // The states before are leaves too: what flows through them has flowed in the scan.
  const wrt = [...flat, ...captured, flatBefore];
  const gradients = grad(all, wrt, { seed: sideBySide(add(g, later)) });
  const start = reverse ? length - 1 : 0;
  return [
    squeeze(slice(carried, { axis: 0, start, end: start + 1 }), 0),
    ...inputs.map((x, k) => reshape(gradients[k], x.shape)),
    ...gradients.slice(inputs.length, -1),
  ];
}

/** `[length, rows, ...]` to `[length · rows, ...]`. */
function sideBySide(x: Tensor): Tensor {
  const [length, rows, ...rest] = x.shape;
  const shape: Shape = [dimProduct([length, rows]) as Dim, ...rest];
  return reshape(x, shape);
}
