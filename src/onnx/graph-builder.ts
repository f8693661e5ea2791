/**
 * Writes an ONNX graph node by node. Values are names; whoever calls keeps the order topological, as the
 * format demands, simply by using a name only after it was handed out.
 *
 *     const graph = new GraphBuilder();
 *     const x = graph.input("x", "float32", ["batch", 3]);
 *     const w = graph.initializer("w", "float32", [3, 1], [0.1, 0.2, 0.3]);
 *     graph.output("y", "float32", ["batch", 1], graph.node("MatMul", [x, w]));
 *     const bytes = encodeModel(graph.finish());
 */
import { create } from "@bufbuild/protobuf";
import { assert } from "../core/index.ts";
import { type AttributeValue, attributeProto } from "./attribute.ts";
import { type Dimension, type HostArray, type HostDType, hostTensor, protoOfDType } from "./host-tensor.ts";
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.ts";
import { tensorFromHost } from "./tensor-proto.ts";

/** The operator set our graphs are written in, and the file format version that goes with it. */
export const defaultOpset = 21;
export const defaultIrVersion = 10;

export interface NodeOptions {
  readonly attributes?: { readonly [name: string]: AttributeValue | undefined };
  /** The operator's domain; "" is ONNX itself. */
  readonly domain?: string;
  /** The node's own name, which errors and profiles show. @default the name of its first output */
  readonly name?: string;
}

export interface FinishOptions {
  /** Version of ONNX's operator set. @default 21 */
  readonly opset?: number;
  /** Versions of other domains' operator sets; 1 where a domain was used and is not named here. */
  readonly domains?: { readonly [domain: string]: number };
  readonly producer?: string;
  readonly producerVersion?: string;
  readonly graphName?: string;
  readonly metadata?: { readonly [key: string]: string };
}

type Values = HostArray | readonly (number | bigint | boolean)[];

/** Constants up to this many elements are kept once, however often they are asked for. */
const sharedConstantLength = 64;

export class GraphBuilder {
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #nodes: NodeProto[] = [];
  readonly #names = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #constants = new Map<string, string>();
  readonly #outer: GraphBuilder | undefined;
  readonly #prefix: string;

  /** @param outer the graph that will hold this one as a loop's body, whose values it may read */
  constructor({ outer, prefix = "" }: { outer?: GraphBuilder; prefix?: string } = {}) {
    this.#outer = outer;
    this.#prefix = prefix;
  }

  /** A builder for the body of a loop in this graph; its values get names of their own. */
  body(): GraphBuilder {
    return new GraphBuilder({ outer: this, prefix: `${this.#claim(this.fresh("body"))}/` });
  }

  /** Declares a graph input; strings in `shape` are named dimensions. Returns the name. */
  input(name: string, dtype: HostDType, shape: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, dtype, shape));
    return this.#claim(name);
  }

  /**
   * Declares a graph output. `value` is what it is called inside the graph; where that differs from
   * `name` (or is a graph input) an `Identity` carries it over.
   */
  output(name: string, dtype: HostDType, shape: readonly Dimension[], value: string = name): void {
    this.#require(value, `output ${name}`);
    if (value !== name) this.node("Identity", [value], { outputs: [name] });
    this.#outputs.push(valueInfo(name, dtype, shape));
  }

  /** A named tensor stored in the model. Its bytes are shared, not copied, where `data` has the dtype's array. */
  initializer(name: string, dtype: HostDType, dims: readonly number[], data: Values): string {
    this.#initializers.push(tensorFromHost(hostTensor(dtype, dims, data), name));
    return this.#claim(name);
  }

  /** An unnamed tensor stored in the model; small equal ones are stored once. */
  constant(dtype: HostDType, dims: readonly number[], data: Values): string {
    if (data.length > sharedConstantLength)
      return this.initializer(this.fresh("constant"), dtype, dims, data);
    // Object.is tells -0 from 0, so the key must too.
    const key = `${dtype}[${dims}]${Array.from(data as ArrayLike<unknown>, (v) => (Object.is(v, -0) ? "-0" : `${v}`))}`;
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = this.initializer(this.fresh("constant"), dtype, dims, data);
      this.#constants.set(key, name);
    }
    return name;
  }

  /**
   * Adds a node and returns the name of its output, or with `outputs` (a number, or the names to give)
   * the names of all. `undefined` or "" leaves out an optional input; attributes that are undefined are
   * left out too.
   */
  node(opType: string, inputs: readonly (string | undefined)[], options?: NodeOptions): string;
  node(
    opType: string,
    inputs: readonly (string | undefined)[],
    options: NodeOptions & { readonly outputs: number | readonly string[] },
  ): string[];
  node(
    opType: string,
    inputs: readonly (string | undefined)[],
    options: NodeOptions & { readonly outputs?: number | readonly string[] } = {},
  ): string | string[] {
    const { attributes = {}, domain = "", outputs = 1 } = options;
    for (const input of inputs) if (input) this.#require(input, opType);
    const names =
      typeof outputs === "number"
        ? Array.from({ length: outputs }, () => this.#claim(this.fresh(opType)))
        : outputs.map((name) => this.#claim(name));
    this.#nodes.push(
      nodeProto(
        opType,
        inputs.map((name) => name ?? ""),
        names,
        { attributes, domain, name: options.name },
      ),
    );
    return options.outputs === undefined ? names[0] : names;
  }

  /** The model so far. */
  finish(options: FinishOptions = {}): ModelProto {
    const { opset = defaultOpset, domains = {}, producer = "millrace", metadata = {} } = options;
    const used = new Set(this.#nodes.map((node) => node.domain).filter((domain) => domain !== ""));
    return create(ModelProtoSchema, {
      irVersion: BigInt(defaultIrVersion),
      producerName: producer,
      producerVersion: options.producerVersion ?? "",
      opsetImport: [
        { domain: "", version: BigInt(opset) },
        ...[...used].map((domain) => ({ domain, version: BigInt(domains[domain] ?? 1) })),
      ],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: this.graph(options.graphName ?? "graph"),
    });
  }

  /** The graph so far, as it stands in a model or as a loop's body. */
  graph(name: string): GraphProto {
    return create(GraphProtoSchema, {
      name,
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: this.#outputs,
    });
  }

  #claim(name: string): string {
    assert(name !== "" && !this.#names.has(name), `the graph already has a value named "${name}"`);
    this.#names.add(name);
    return name;
  }

  #has(name: string): boolean {
    if (this.#names.has(name)) return true;
    return this.#outer === undefined ? false : this.#outer.#has(name);
  }

  #require(name: string, user: string): void {
    assert(this.#has(name), `${user} uses "${name}", which the graph does not have`);
  }

  /** A name that no value has yet. */
  fresh(opType: string): string {
    const stem = `${this.#prefix}${opType.toLowerCase()}`;
    for (;;) {
      const count = (this.#counts.get(stem) ?? 0) + 1;
      this.#counts.set(stem, count);
      if (!this.#names.has(`${stem}_${count}`)) return `${stem}_${count}`;
    }
  }
}

/** A node by itself, for rewriting graphs that exist. */
export function nodeProto(
  opType: string,
  input: string[],
  output: string[],
  { attributes = {}, domain = "", name = output[0] }: NodeOptions = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    domain,
    name,
    input,
    output,
    attribute: Object.entries(attributes).flatMap(([key, value]) =>
      value === undefined ? [] : [attributeProto(key, value)],
    ),
  });
}

/** What a graph says of an input or output; strings in `shape` are named dimensions. */
export function valueInfo(name: string, dtype: HostDType, shape: readonly Dimension[]): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: protoOfDType(dtype),
          shape: {
            dim: shape.map((dim) => ({
              value:
                typeof dim === "string"
                  ? { case: "dimParam" as const, value: dim }
                  : { case: "dimValue" as const, value: BigInt(dim) },
            })),
          },
        },
      },
    },
  });
}
