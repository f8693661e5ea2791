/**
 * From a graph of tensors to one ONNX model: common subexpressions are merged, then every op lowers
 * itself, inputs before users.
 */
import { topological } from "../autodiff/index.ts";
import { assert } from "../core/index.ts";
import { encodeModel, GraphBuilder, type HostTensor } from "../onnx/index.ts";
import {
  type BodyAttribute,
  type Dim,
  type DType,
  dimFactors,
  type Lowering,
  type Shape,
  type Tensor,
} from "../tensor/index.ts";
import { mergeCommonSubexpressions } from "./common-subexpressions.ts";

/** A leaf of the graph and how the model sees it. */
export interface LeafBinding {
  readonly name: string;
  /** Present: stored in the model. Absent: an input, fed at each run. */
  readonly value?: HostTensor;
}

export interface CompileOptions {
  /** Results by name, in order. */
  readonly outputs: { readonly [name: string]: Tensor };
  /** Every leaf the outputs need. */
  readonly leaves: ReadonlyMap<Tensor, LeafBinding>;
  readonly metadata?: { readonly [key: string]: string };
}

export interface CompiledGraph {
  readonly model: Uint8Array;
  /** Names of the inputs that the outputs really use (their values or sizes), in the order of `leaves`. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export function compile({ outputs, leaves, metadata = {} }: CompileOptions): CompiledGraph {
  const names = Object.keys(outputs);
  const roots = mergeCommonSubexpressions(Object.values(outputs));
  const nodes = topological(...roots);
  const builder = new GraphBuilder();
  const lowering = new GraphLowering(builder, leaves);
  const used = new Set(nodes);
  for (const [leaf, { value }] of leaves) {
    if (used.has(leaf)) lowering.bind(leaf, value);
  }
  const values = lowerAll(nodes, lowering);
  for (const [k, name] of names.entries()) {
    builder.output(name, roots[k].dtype, roots[k].shape, values.get(roots[k]) as string);
  }
  const inputs = [...leaves].flatMap(([leaf, { name, value }]) =>
    lowering.isBound(leaf) && value === undefined ? [name] : [],
  );
  return { model: encodeModel(builder.finish({ metadata })), inputs, outputs: names };
}

/** Lowers nodes in order; the name of each one's value. Those in `known` have theirs already. */
function lowerAll(
  nodes: readonly Tensor[],
  lowering: Lowering,
  known: ReadonlyMap<Tensor, string> = new Map(),
): Map<Tensor, string> {
  const values = new Map(known);
  for (const node of nodes) {
    if (known.has(node)) continue;
    const inputs = node.inputs.map((input) => values.get(input) as string);
    values.set(node, node.op.lower(lowering, inputs, node.attributes, node));
  }
  return values;
}

/** What ops see of the builder, with constants shared and named dimensions found. */
class GraphLowering implements Lowering {
  readonly #builder: GraphBuilder;
  readonly #leaves: CompileOptions["leaves"];
  readonly #bound = new Set<Tensor>();
  /** For each named dimension, a value (mostly an input) and the axis that has it. */
  readonly #dimensions = new Map<string, { input: string; axis: number }>();
  readonly #sizes = new Map<string, string>();

  constructor(builder: GraphBuilder, leaves: CompileOptions["leaves"]) {
    this.#builder = builder;
    this.#leaves = leaves;
  }

  /** Makes a leaf a graph input, or stores its value. */
  bind(leaf: Tensor, value: HostTensor | undefined): void {
    const { name } = this.#leaves.get(leaf) as LeafBinding;
    this.#bound.add(leaf);
    if (value !== undefined) {
      this.#builder.initializer(name, value.dtype, value.dims, value.data);
      return;
    }
    this.#builder.input(name, leaf.dtype, leaf.shape);
    for (const [axis, dim] of leaf.shape.entries()) {
      if (typeof dim === "string" && !this.#dimensions.has(dim)) {
        this.#dimensions.set(dim, { input: name, axis });
      }
    }
  }

  isBound(leaf: Tensor): boolean {
    return this.#bound.has(leaf);
  }

  leaf(tensor: Tensor): string {
    assert(this.#bound.has(tensor), `leaf ${JSON.stringify(tensor.attributes)} was not bound`);
    return (this.#leaves.get(tensor) as LeafBinding).name;
  }

  node(opType: string, inputs: readonly string[], attributes = {}): string {
    return this.#builder.node(opType, inputs, { attributes });
  }

  nodes(opType: string, inputs: readonly string[], outputs: number, attributes = {}): string[] {
    return this.#builder.node(opType, inputs, { attributes, outputs });
  }

  ints(values: readonly number[]): string {
    return this.#builder.constant("int64", [values.length], values);
  }

  scalar(value: number, dtype: DType): string {
    return this.#builder.constant(dtype, [], [value]);
  }

  array(
    data: readonly number[] | Float32Array | Int32Array | Uint32Array,
    dtype: DType,
    dims: readonly number[],
  ): string {
    return this.#builder.constant(dtype, dims, data);
  }

  body({ inputs, captured, outputs }: Parameters<Lowering["body"]>[0]): BodyAttribute {
    const builder = this.#builder.body();
    const roots = mergeCommonSubexpressions(outputs);
    const names = new Map(inputs.map((leaf) => [leaf, { name: builder.fresh("input") }]));
    const lowering = new GraphLowering(builder, names);
    for (const leaf of inputs) lowering.bind(leaf, undefined);
    const values = lowerAll(topological(...roots), lowering, captured);
    for (const root of roots) {
      builder.output(builder.fresh("output"), root.dtype, root.shape, values.get(root) as string);
    }
    return { graph: builder.graph("body") };
  }

  dimension(name: string, value: string, axis: number): void {
    if (!this.#dimensions.has(name)) this.#dimensions.set(name, { input: value, axis });
  }

  sizes(shape: Shape): string {
    const key = shape.join(",");
    let name = this.#sizes.get(key);
    if (name === undefined) {
      name = this.#makeSizes(shape);
      this.#sizes.set(key, name);
    }
    return name;
  }

  #makeSizes(shape: Shape): string {
    if (shape.every((dim) => typeof dim === "number")) return this.ints(shape as readonly number[]);
    if (shape.length === 1) return this.#size(shape[0]);
    return this.node(
      "Concat",
      shape.map((dim) => this.sizes([dim])),
      { axis: 0 },
    );
  }

  #size(dim: Dim): string {
    const { constant, names } = dimFactors(dim);
    const parts = names.map((name) => {
      const found = this.#dimensions.get(name) ?? this.#bindFor(name);
      return this.node("Shape", [found.input], { start: found.axis, end: found.axis + 1 });
    });
    const all = constant === 1 ? parts : [this.ints([constant]), ...parts];
    return all.reduce((product, part) => this.node("Mul", [product, part]));
  }

  /** Only the size of a leaf may be needed, as in the gradient of a sum: the leaf becomes an input for that. */
  #bindFor(dimension: string): { input: string; axis: number } {
    for (const [leaf, { value }] of this.#leaves) {
      if (value === undefined && leaf.shape.includes(dimension)) {
        this.bind(leaf, undefined);
        break;
      }
    }
    const found = this.#dimensions.get(dimension);
    assert(found !== undefined, `no graph input has the dimension "${dimension}"`);
    return found;
  }
}
