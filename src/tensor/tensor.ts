/**
 * A symbolic tensor: one node of a graph of operations. It has a dtype and a shape but no numbers;
 * numbers come when the graph is compiled and an engine runs it.
 */
import type { Dim, Shape } from "./shape.ts";

export type DType = "float32" | "int32" | "int64" | "uint32" | "bool";

let nextId = 0;

export class Tensor {
  /** Creation order: a tensor's inputs always have smaller ids, so ids are a topological order. */
  readonly id: number = nextId++;
  readonly op: AnyOp;
  readonly inputs: readonly Tensor[];
  readonly attributes: unknown;
  readonly dtype: DType;
  readonly shape: Shape;

  constructor(op: AnyOp, inputs: readonly Tensor[], attributes: unknown, dtype: DType, shape: Shape) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.dtype = dtype;
    this.shape = shape;
  }

  get rank(): number {
    return this.shape.length;
  }
}

/** What an operation may ask of the compiler while it lowers itself to ONNX nodes. */
export interface Lowering {
  /** Adds a node with one output and returns the output's name. */
  node(opType: string, inputs: readonly string[], attributes?: NodeAttributes): string;
  /** Adds a node with several outputs. */
  nodes(opType: string, inputs: readonly string[], outputs: number, attributes?: NodeAttributes): string[];
  /** A one-dimensional int64 constant. */
  ints(values: readonly number[]): string;
  /** A constant of rank 0. */
  scalar(value: number, dtype: DType): string;
  /** A constant array, row-major. */
  array(
    data: readonly number[] | Float32Array | Int32Array | Uint32Array,
    dtype: DType,
    dims: readonly number[],
  ): string;
  /** The actual sizes of named dimensions as a one-dimensional int64 value. */
  sizes(shape: Shape): string;
  /** Says that a value made here has a named dimension which no input has. */
  dimension(name: string, value: string, axis: number): void;
  /** A graph input (or parameter) and the name it carries in the model. */
  leaf(tensor: Tensor): string;
  /**
   * The body of a loop as an attribute: a graph of its own from `inputs` to `outputs`. What it reads of the
   * outer graph stands in `captured` by the outer name.
   */
  body(graph: {
    readonly inputs: readonly Tensor[];
    readonly captured: ReadonlyMap<Tensor, string>;
    readonly outputs: readonly Tensor[];
  }): BodyAttribute;
}

/** The body of a loop; what is inside is the compiler's. */
export interface BodyAttribute {
  readonly graph: object;
}

export type NodeAttributes = {
  readonly [name: string]: number | string | readonly number[] | { readonly float: number } | BodyAttribute;
};

/** Everything there is to know about one operation, in one place. */
export interface OpDefinition<Inputs extends readonly Tensor[], Attributes> {
  readonly name: string;
  /** The output's dtype and shape; throws ShapeError for inputs that do not fit. */
  infer(inputs: Inputs, attributes: Attributes): { dtype: DType; shape: Shape };
  /**
   * The vector-Jacobian product as a graph: gradients of the inputs given the gradient `g` of the
   * output `y`; null where no gradient flows. An operation without `vjp` is not differentiable.
   */
  vjp?(inputs: Inputs, y: Tensor, g: Tensor, attributes: Attributes): { [K in keyof Inputs]: Tensor | null };
  /**
   * Arithmetic operations of one evaluation, as terms to be added up: a multiply-add is two, an element-wise
   * function one an element. Absent: the op moves, compares or makes data, and computes nothing with them.
   */
  flops?(inputs: Inputs, y: Tensor, attributes: Attributes): readonly Dim[];
  /** Adds ONNX nodes and returns the name of the output. */
  lower(onnx: Lowering, inputs: { [K in keyof Inputs]: string }, attributes: Attributes, y: Tensor): string;
}

// The graph holds ops of every arity; each is only ever called with what `apply` put beside it.
// biome-ignore lint/suspicious/noExplicitAny: the existential type of "some op" has no other spelling
export type AnyOp = OpDefinition<any, any>;

/** Identity function that gives an op record its types. */
export function defineOp<Inputs extends readonly Tensor[], Attributes = undefined>(
  definition: OpDefinition<Inputs, Attributes>,
): OpDefinition<Inputs, Attributes> {
  return definition;
}

/** Applies an op to tensors: infers the output and adds it to the graph. */
export function apply<Inputs extends readonly Tensor[], Attributes>(
  op: OpDefinition<Inputs, Attributes>,
  inputs: Inputs,
  ...[attributes]: Attributes extends undefined ? [] : [Attributes]
): Tensor {
  const { dtype, shape } = op.infer(inputs, attributes as Attributes);
  return new Tensor(op, inputs, attributes, dtype, shape);
}
