/** A graph being written from pieces of another: nodes copied or new, weights, inputs, each once. */
import {
  type AttributeProto,
  type AttributeValue,
  encodeModel,
  type GraphProto,
  type HostTensor,
  type ModelProto,
  type NodeProto,
  nodeProto,
  type TensorProto,
  tensorFromHost,
  type ValueInfoProto,
  valueInfo,
} from "../../onnx/index.ts";

type Values = Float32Array | BigInt64Array;

export class GraphPart {
  readonly #nodes: NodeProto[] = [];
  readonly #weights = new Map<string, TensorProto>();
  readonly #inputs = new Map<string, ValueInfoProto>();
  readonly #ints = new Map<string, string>();
  readonly #expanded = new Map<string, string>();
  readonly #shapes = new Map<number, string>();
  #made = 0;
  /** An input whose rows are the candidates; the number of rows is asked of it. */
  #rowsOf: string | undefined;
  #rows: string | undefined;

  /** Inputs in order, by name. */
  get inputs(): readonly string[] {
    return [...this.#inputs.keys()];
  }

  /** Whether some input has rows, so that there is a number of them. */
  get hasRows(): boolean {
    return this.#rowsOf !== undefined;
  }

  input(info: ValueInfoProto, { rows = false }: { readonly rows?: boolean } = {}): string {
    this.#inputs.set(info.name, info);
    if (rows) this.#rowsOf ??= info.name;
    return info.name;
  }

  weight(tensor: TensorProto): string {
    this.#weights.set(tensor.name, tensor);
    return tensor.name;
  }

  constant(dims: readonly number[], data: Values): string {
    const dtype = data instanceof Float32Array ? "float32" : "int64";
    return this.host({ dtype, dims, data });
  }

  host(tensor: HostTensor): string {
    return this.weight(tensorFromHost(tensor, this.#fresh("constant")));
  }

  /** A list of integers, such as a shape; equal ones are stored once. */
  ints(values: readonly number[]): string {
    const key = values.join(",");
    let name = this.#ints.get(key);
    if (name === undefined) {
      name = this.constant([values.length], BigInt64Array.from(values, BigInt));
      this.#ints.set(key, name);
    }
    return name;
  }

  node(
    opType: string,
    inputs: readonly string[],
    attributes: { readonly [name: string]: AttributeValue } = {},
  ): string {
    const output = this.#fresh(opType.toLowerCase());
    this.#nodes.push(nodeProto(opType, [...inputs], [output], { attributes }));
    return output;
  }

  /** A node as it is with other operands; the names of its outputs. `attribute` replaces its attributes. */
  copy(node: NodeProto, inputs: readonly string[], attribute: AttributeProto[] = node.attribute): string[] {
    const output = node.output.map((name) => (name === "" ? "" : this.#fresh(node.opType.toLowerCase())));
    this.#nodes.push({ ...node, name: output[0], input: [...inputs], output, attribute });
    return output;
  }

  /** `[1, …]` repeated for every row. */
  expand(value: string, rank: number): string {
    let expanded = this.#expanded.get(value);
    if (expanded === undefined) {
      expanded = this.node("Expand", [value, this.#sizes(rank)]);
      this.#expanded.set(value, expanded);
    }
    return expanded;
  }

  /** The number of rows, `[1]`. */
  rows(): string {
    this.#rows ??= this.#fresh("rows");
    return this.#rows;
  }

  /** Elements of `[rows, width]` by number, in order. */
  select(value: string, elements: Int32Array, width: number): string {
    const first = elements[0];
    if (!elements.every((element, k) => element === first + k)) {
      return this.node(
        "Gather",
        [value, this.constant([elements.length], BigInt64Array.from(elements, BigInt))],
        {
          axis: 1,
        },
      );
    }
    if (elements.length === width) return value;
    return this.node("Slice", [
      value,
      this.ints([first]),
      this.ints([first + elements.length]),
      this.ints([1]),
      this.ints([1]),
    ]);
  }

  /** `[rows, …]` with a row's elements side by side. */
  flat(value: string, dims: readonly number[], width: number): string {
    return dims.length === 2 ? value : this.node("Reshape", [value, this.ints([-1, width])]);
  }

  /** Values of `[rows, …]` side by side. */
  beside(values: readonly string[]): string {
    return values.length === 1 ? values[0] : this.node("Concat", values, { axis: 1 });
  }

  /** The model: everything else as in `source`. `outputs` are values by the names and infos to give them. */
  finish(
    source: ModelProto,
    outputs: readonly { readonly value: string; readonly info: ValueInfoProto }[],
  ): Uint8Array {
    for (const { value, info } of outputs) this.#nodes.push(nodeProto("Identity", [value], [info.name]));
    const rows =
      this.#rows === undefined
        ? []
        : [nodeProto("Shape", [this.#rowsOf as string], [this.#rows], { attributes: { start: 0, end: 1 } })];
    const graph: GraphProto = {
      ...(source.graph as GraphProto),
      node: [...rows, ...this.#nodes],
      initializer: [...this.#weights.values()],
      input: [...this.#inputs.values()],
      output: outputs.map(({ info }) => info),
      valueInfo: [],
    };
    return encodeModel({ ...source, graph });
  }

  #sizes(rank: number): string {
    let shape = this.#shapes.get(rank);
    if (shape === undefined) {
      const ones = new Array<number>(rank - 1).fill(1);
      shape = rank === 1 ? this.rows() : this.node("Concat", [this.rows(), this.ints(ones)], { axis: 0 });
      this.#shapes.set(rank, shape);
    }
    return shape;
  }

  #fresh(stem: string): string {
    return `split/${stem}_${++this.#made}`;
  }
}

/** What an input or output of `[rows, width]` numbers is declared as. */
export function rowsInfo(name: string, width: number): ValueInfoProto {
  return valueInfo(name, "float32", ["batch", width]);
}
