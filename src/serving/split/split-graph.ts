/**
 * A served graph cut by sides. All candidates of a request share its columns, and an item of the table has the
 * same columns in every request, so that of a first layer
 *
 *     x W + b,  x = [request's elements | item's elements | mixed ones]
 *             = (x_request W_request + b) + x_item W_item + x_mixed W_mixed
 *
 * the first product is the request's, once, and the second the item's, known ahead of time. Wherever values of one
 * side meet the other's there is such a border. Three worlds are written from the one graph:
 *
 *     request   one row
 *     item      rows of the item table, when a model is loaded: their results are *products*, kept in memory
 *     full      a row a candidate, where the two meet: request values are broadcast, products are fed
 *
 * Without products the item's world has the candidates' rows, within the same graph. The result is the plain graph's
 * to rounding: sums are added up in another order, and nothing else changes.
 */
import { MillraceError } from "../../core/index.ts";
import {
  allocateHostArray,
  type AttributeProto,
  decodeModel,
  type GraphProto,
  type HostTensor,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../../onnx/index.ts";
import { factOf, numberOf, side, type SidedGraph, sidedGraph, union } from "./element-sides.ts";
import { GraphPart, rowsInfo } from "./graph-part.ts";
import { rewriteCrossLayers } from "./cross-layers.ts";
import { capturedBy, factRows, type GraphFacts, type ValueFacts, valuesRead } from "./value-facts.ts";

export interface ItemProduct {
  /** Input of the candidates' graph and output of the items' graph, `[rows, width]`. */
  readonly name: string;
  readonly width: number;
}

export interface SplitGraph {
  /** Tables are inputs; request columns have one row, all others a row a candidate. */
  readonly model: Uint8Array;
  /** From item columns to products; absent where there are none. */
  readonly items: Uint8Array | undefined;
  readonly products: readonly ItemProduct[];
  /** Columns of one row, and columns of a row a candidate, that `model` takes. */
  readonly columns: { readonly request: readonly string[]; readonly candidates: readonly string[] };
  /** Multiply-adds that a candidate no longer costs. */
  readonly saved: number;
}

export interface SplitOptions {
  readonly facts: GraphFacts;
  /** Inputs that are tables. */
  readonly tables: ReadonlySet<string>;
  /** Columns by side; those in neither are of both. */
  readonly columns: { readonly request: ReadonlySet<string>; readonly item: ReadonlySet<string> };
  /** Whether items' parts are taken out, to be computed ahead of time. */
  readonly products: boolean;
  /** A product of items is kept only where each of its numbers stands for so many multiply-adds. @default 32 */
  readonly worthKeeping?: number;
}

type World = "request" | "item" | "full";
const allowed = { request: side.request, item: side.item, full: side.mixed } as const;

class Unsplittable extends MillraceError {}

/** Undefined for a graph that cannot be split, or of which nothing would be saved. */
export function splitGraph(model: Uint8Array, options: SplitOptions): SplitGraph | undefined {
  const proto = decodeModel(model);
  const { tables, columns } = options;
  const sideOf = (input: string): number => {
    if (tables.has(input)) return side.none;
    if (columns.request.has(input)) return side.request;
    return columns.item.has(input) ? side.item : side.mixed;
  };
  const plain = sidedGraph(proto.graph as GraphProto, options.facts, sideOf);
  if (plain === undefined) return undefined;
  const sided = rewriteCrossLayers(plain, sideOf);
  try {
    return new Splitter(proto, sided, options).split();
  } catch (error) {
    if (error instanceof Unsplittable) return undefined;
    throw error;
  }
}

class Splitter {
  readonly #proto: ModelProto;
  readonly #sided: SidedGraph;
  readonly #tables: ReadonlySet<string>;
  readonly #infos: ReadonlyMap<string, ValueInfoProto>;
  readonly #weights: ReadonlyMap<string, TensorProto>;
  readonly #main = new GraphPart();
  /** Where the item's world is written. */
  readonly #items: GraphPart;
  readonly #ahead: boolean;
  readonly #worthKeeping: number;
  readonly #products = new Map<
    string,
    { readonly name: string; readonly value: string; readonly width: number }
  >();
  readonly #emitted = {
    request: new Map<string, string>(),
    item: new Map<string, string>(),
    full: new Map<string, string>(),
  };
  readonly #pulled = new Map<string, string>();
  readonly #candidates = new Set<string>();
  readonly #requested = new Set<string>();
  #saved = 0;

  constructor(proto: ModelProto, sided: SidedGraph, { tables, products, worthKeeping = 32 }: SplitOptions) {
    this.#proto = proto;
    this.#sided = sided;
    this.#tables = tables;
    this.#ahead = products;
    this.#worthKeeping = worthKeeping;
    this.#items = products ? new GraphPart() : this.#main;
    this.#infos = new Map(sided.graph.input.map((info) => [info.name, info]));
    this.#weights = new Map(sided.graph.initializer.map((tensor) => [tensor.name, tensor]));
  }

  split(): SplitGraph | undefined {
    const outputs = this.#sided.graph.output.map((info) => ({ info, value: this.#emit(info.name, "full") }));
    if (this.#saved === 0 || !this.#main.hasRows) return undefined;
    const products = [...this.#products.values()];
    return {
      model: this.#main.finish(this.#proto, outputs),
      items:
        products.length === 0
          ? undefined
          : this.#items.finish(
              this.#proto,
              products.map(({ name, value, width }) => ({ value, info: rowsInfo(name, width) })),
            ),
      products: products.map(({ name, width }) => ({ name, width })),
      columns: { request: [...this.#requested], candidates: [...this.#candidates] },
      saved: this.#saved,
    };
  }

  #fact(name: string): ValueFacts {
    return factOf(this.#sided.facts, name);
  }

  #sides(name: string): Uint8Array {
    return this.#sided.sides.get(name) as Uint8Array;
  }

  #part(world: World): GraphPart {
    return world === "item" ? this.#items : this.#main;
  }

  /** A value in a world, in its own shape; its name there. */
  #emit(name: string, world: World): string {
    if (name === "") return "";
    const emitted = this.#emitted[world];
    let made = emitted.get(name);
    if (made === undefined) {
      made = this.#make(name, world);
      emitted.set(name, made);
    }
    return made;
  }

  #make(name: string, world: World): string {
    const part = this.#part(world);
    const weight = this.#weights.get(name);
    if (weight !== undefined) return part.weight(weight);
    const { constant, countsRows, perRow, dims, dtype } = this.#fact(name);
    if (constant !== undefined) return part.host(constant);
    if (countsRows) return world === "request" ? part.ints([1]) : part.rows();
    const sides = this.#sides(name);
    const all = union(sides);
    const node = this.#sided.producers.get(name);
    if (world === "full" && perRow && all !== side.none && !sides.includes(side.mixed)) {
      if (all === side.request) return part.expand(this.#emit(name, "request"), dims.length);
      if (!this.#ahead && all === side.item) return this.#emit(name, "item");
      const storable = !this.#ahead || dtype === "float32";
      const origin = node === undefined ? undefined : this.#sided.origins.get(node);
      // What only moves elements of one value about is done to the assembled value: two such need one assembly.
      const onlyMoves = origin?.kind === "moved" && node?.opType !== "Concat";
      if (storable && !onlyMoves) return this.#assemble(name);
    }
    if (node === undefined) return this.#input(name, world);
    if (this.#isWhole(name, world)) return this.#copy(node, name, world);
    const { width } = this.#fact(name);
    const every = Int32Array.from({ length: width }, (_, element) => element);
    return part.node("Reshape", [this.#pull(name, every, world), part.ints([-1, ...dims.slice(1)])]);
  }

  /** Whether a world has a value and all that it is made from; a slice may be of one side where its source is not. */
  #isWhole(name: string, world: World): boolean {
    const node = this.#sided.producers.get(name);
    const values = [name, ...(node === undefined ? [] : valuesRead(node))];
    return values.every((value) => (union(this.#sides(value)) & ~allowed[world]) === 0);
  }

  #input(name: string, world: World): string {
    const info = this.#infos.get(name) as ValueInfoProto;
    if (this.#tables.has(name)) return this.#part(world).input(info);
    if (world === "request") {
      this.#requested.add(name);
      return this.#main.input(ofOneRow(info));
    }
    if (world === "full" || !this.#ahead) this.#candidates.add(name);
    return this.#part(world).input(info, { rows: true });
  }

  #copy(node: NodeProto, name: string, world: World): string {
    if (node.opType === "Shape") throw new Unsplittable(`${name} is a size that depends on the batch`);
    const part = this.#part(world);
    if (world === "full" && isProduct(node)) {
      const split = this.#splitProduct(node);
      if (split !== undefined) return split;
    }
    if (world === "request" || (world === "item" && this.#ahead)) this.#saved += this.#cost(node);
    const operand = (input: string): string => this.#emit(input, world);
    const inputs = node.input.map((input) =>
      world === "full" && this.#broadcasts(node, input) ? this.#emit(input, "request") : operand(input),
    );
    const attribute = node.attribute.map((one) => (one.g === undefined ? one : withCaptured(one, operand)));
    const made = part.copy(node, inputs, attribute);
    node.output.forEach((output, k) => {
      if (output !== "") this.#emitted[world].set(output, made[k]);
    });
    return made[node.output.indexOf(name)];
  }

  /** Whether an operand of one row does as well as one of a row a candidate. */
  #broadcasts(node: NodeProto, input: string): boolean {
    if (input === "" || !this.#fact(input).perRow || (union(this.#sides(input)) & side.item) !== 0)
      return false;
    if (this.#sided.origins.get(node)?.kind === "each") return true;
    if (node.opType !== "MatMul") return false;
    const ranks = [...node.input, ...node.output].map((name) => this.#fact(name));
    return ranks.every(
      ({ perRow, dims }) => perRow && dims.length === ranks[0].dims.length && dims.length > 2,
    );
  }

  /** Multiply-adds of a product for one row. */
  #cost(node: NodeProto): number {
    if (!isProduct(node)) return 0;
    const { dims } = this.#fact(node.input[0]);
    const out = this.#fact(node.output[0]);
    const elements = out.perRow
      ? out.width
      : out.dims.reduce((product, size) => product * size, 1) / factRows;
    return elements * dims[dims.length - 1];
  }

  /** A value of elements of single sides, put together from the request's row and the item's product. */
  #assemble(name: string): string {
    const main = this.#main;
    const { dims, width } = this.#fact(name);
    const sides = this.#sides(name);
    const ofItem = Uint8Array.from(sides, (one) => Number(one === side.item));
    const runs: string[] = [];
    for (let begin = 0; begin < width; ) {
      let end = begin;
      while (end < width && ofItem[end] === ofItem[begin]) end++;
      const run = Int32Array.from({ length: end - begin }, (_, k) => begin + k);
      // Cut where there is one row of it, or ahead of time; what is cut here is copied once more.
      runs.push(
        ofItem[begin] === 1 ? this.#itemRows(name, run) : main.expand(this.#pull(name, run, "request"), 2),
      );
      begin = end;
    }
    const flat = main.beside(runs);
    return dims.length === 2 ? flat : main.node("Reshape", [flat, main.ints([-1, ...dims.slice(1)])]);
  }

  /** Elements of the item's side, `[candidates, elements]`. */
  #itemRows(name: string, elements: Int32Array): string {
    const value = this.#pull(name, elements, "item");
    return this.#ahead ? this.#product(value, elements.length) : value;
  }

  /** A value of the items' graph as an input of the candidates'. */
  #product(value: string, width: number): string {
    let product = this.#products.get(value);
    if (product === undefined) {
      product = { name: `product:${this.#products.size}`, value, width };
      this.#products.set(value, product);
    }
    return this.#main.input(rowsInfo(product.name, width), { rows: true });
  }

  /** `x W + b` with the rows of `W` by the sides of `x`; undefined where that gains nothing. */
  #splitProduct(node: NodeProto): string | undefined {
    const [left, right, bias] = node.input;
    const x = this.#fact(left);
    const weight = this.#fact(right).constant;
    if (this.#sided.origins.get(node)?.kind !== "product" || x.dims.length !== 2 || weight === undefined)
      return undefined;
    if (weight.dtype !== "float32" || !isUnscaled(node)) return undefined;
    const sides = this.#sides(left);
    const columns = this.#fact(node.output[0]).width;
    const elements = (wanted: (one: number) => boolean): Int32Array =>
      Int32Array.from(sides.keys()).filter((element) => wanted(sides[element]));
    const request = elements((one) => one === side.request);
    const item = elements((one) => one === side.item);
    const kept = this.#ahead && item.length >= this.#worthKeeping;
    // Without products the item's elements are the candidates' own, like mixed ones.
    const rest = elements((one) => one !== side.request && !(this.#ahead && one === side.item));
    if (request.length === 0 && !kept) return undefined;
    const rows = (part: GraphPart, which: Int32Array): string =>
      part.constant([which.length, columns], rowsOf(weight, which, numberOf(node, "transB") === 1));
    const main = this.#main;
    let sum = bias === undefined || bias === "" ? "" : this.#emit(bias, "full");
    const add = (x: string, weights: string): void => {
      sum = main.node("Gemm", sum === "" ? [x, weights] : [x, weights, sum]);
    };
    if (request.length > 0) {
      add(this.#pull(left, request, "request"), rows(main, request));
      this.#saved += request.length * columns;
    }
    if (kept) {
      const key = `${node.output[0]}/item`;
      let value = this.#pulled.get(key);
      if (value === undefined) {
        value = this.#items.node("Gemm", [this.#pull(left, item, "item"), rows(this.#items, item)]);
        this.#pulled.set(key, value);
      }
      const product = this.#product(value, columns);
      sum = sum === "" ? product : main.node("Add", [product, sum]);
      this.#saved += item.length * columns;
    } else if (this.#ahead && item.length > 0) add(this.#itemRows(left, item), rows(main, item));
    if (rest.length > 0) add(this.#pull(left, rest, "full"), rows(main, rest));
    return sum;
  }

  /** Some elements of a value's row in a world that has them, `[rows, elements]`. */
  #pull(name: string, elements: Int32Array, world: World): string {
    const key = `${world}:${name}:${elements.join(",")}`;
    let made = this.#pulled.get(key);
    if (made === undefined) {
      made = this.#pullAnew(name, elements, world);
      this.#pulled.set(key, made);
    }
    return made;
  }

  #pullAnew(name: string, elements: Int32Array, world: World): string {
    const part = this.#part(world);
    const { dims, width, perRow } = this.#fact(name);
    if (!perRow) throw new Unsplittable(`rows of ${name} are no rows of the batch`);
    const whole = this.#isWhole(name, world);
    const every = elements.length === width && elements.every((element, k) => element === k);
    const node = this.#sided.producers.get(name);
    const origin = node === undefined ? undefined : this.#sided.origins.get(node);
    const flat = (): string => part.flat(this.#emit(name, world), dims, width);
    if (whole && every) return flat();
    if (node !== undefined && origin?.kind === "moved") {
      const { operand, index } = origin;
      const parts: string[] = [];
      for (let begin = 0; begin < elements.length; ) {
        const which = operand[elements[begin]];
        let end = begin;
        while (end < elements.length && operand[elements[end]] === which) end++;
        const wanted = elements.subarray(begin, end).map((element) => index[element]);
        parts.push(this.#pull(node.input[which], wanted, world));
        begin = end;
      }
      return part.beside(parts);
    }
    if (whole) return part.select(flat(), elements, width);
    if (node !== undefined && origin?.kind === "each") {
      const inputs = node.input.map((input, k) =>
        input === ""
          ? ""
          : this.#pullOperand(
              input,
              elements.map((element) => origin.index[k][element]),
              world,
            ),
      );
      return part.copy(node, inputs)[0];
    }
    if (node !== undefined && origin?.kind === "product")
      return this.#pullRuns(node, origin, elements, world);
    throw new Unsplittable(`elements of ${name} cannot be told apart`);
  }

  /** An operand of an elementwise node: weights are cut now, everything else in the graph. */
  #pullOperand(name: string, elements: Int32Array, world: World): string {
    const { constant, perRow } = this.#fact(name);
    if (perRow) return this.#pull(name, elements, world);
    if (constant === undefined) throw new Unsplittable(`${name} has no elements that are known`);
    const alike = elements.every((element) => element === elements[0]);
    const taken = alike ? elements.subarray(0, 1) : elements;
    const data = allocateHostArray(constant.dtype, taken.length);
    taken.forEach((element, k) => {
      data[k] = constant.data[element];
    });
    return this.#part(world).host({ dtype: constant.dtype, dims: [taken.length], data });
  }

  /** Elements of a product that is taken position by position: those positions' products. */
  #pullRuns(
    node: NodeProto,
    { inner, outer }: { readonly inner: number; readonly outer: number },
    elements: Int32Array,
    world: World,
  ): string {
    const part = this.#part(world);
    const runs = [...new Set(elements.map((element) => Math.floor(element / outer)))];
    const places = new Map(runs.map((run, k) => [run, k]));
    const wanted = Int32Array.from(
      { length: runs.length * inner },
      (_, k) => runs[Math.floor(k / inner)] * inner + (k % inner),
    );
    const operand = part.node("Reshape", [
      this.#pull(node.input[0], wanted, world),
      part.ints([-1, runs.length, inner]),
    ]);
    const weight = this.#emit(node.input[1], world);
    const product = part.node("MatMul", [operand, weight]);
    if (world === "request" || (world === "item" && this.#ahead)) this.#saved += runs.length * inner * outer;
    const flat = part.node("Reshape", [product, part.ints([-1, runs.length * outer])]);
    const at = elements.map(
      (element) => (places.get(Math.floor(element / outer)) as number) * outer + (element % outer),
    );
    return part.select(flat, at, runs.length * outer);
  }
}

function isProduct({ opType }: NodeProto): boolean {
  return opType === "Gemm" || opType === "MatMul";
}

function isUnscaled({ attribute }: NodeProto): boolean {
  return attribute.every(({ name, f }) => (name !== "alpha" && name !== "beta") || f === 1);
}

/** Rows of a matrix (of its transpose), in order. */
function rowsOf({ dims, data }: HostTensor, rows: Int32Array, transposed: boolean): Float32Array {
  const values = data as Float32Array;
  const columns = transposed ? dims[0] : dims[1];
  const cut = new Float32Array(rows.length * columns);
  for (const [k, row] of rows.entries()) {
    for (let j = 0; j < columns; j++) {
      cut[k * columns + j] = transposed ? values[j * dims[1] + row] : values[row * columns + j];
    }
  }
  return cut;
}

/** An input of the graph for which one row is given. */
function ofOneRow({ type, ...info }: ValueInfoProto): ValueInfoProto {
  if (type?.value.case !== "tensorType") throw new Unsplittable(`${info.name} is no tensor`);
  const { value: tensor } = type.value;
  const [first, ...others] = tensor.shape?.dim ?? [];
  const one = { ...first, value: { case: "dimValue" as const, value: 1n } };
  const shape = { ...tensor.shape, dim: [one, ...others] } as NonNullable<typeof tensor.shape>;
  return { ...info, type: { ...type, value: { case: "tensorType", value: { ...tensor, shape } } } };
}

/** A loop's body that reads values of the graph around it by their names there. */
function withCaptured(attribute: AttributeProto, nameOf: (value: string) => string): AttributeProto {
  const body = attribute.g as GraphProto;
  const captured = new Map(capturedBy(body).map((name) => [name, nameOf(name)]));
  return { ...attribute, g: renamed(body, captured) };
}

function renamed(body: GraphProto, names: ReadonlyMap<string, string>): GraphProto {
  const nameOf = (name: string): string => names.get(name) ?? name;
  const node = body.node.map((one) => ({
    ...one,
    input: one.input.map(nameOf),
    attribute: one.attribute.map((a) => (a.g === undefined ? a : { ...a, g: renamed(a.g, names) })),
  }));
  return { ...body, node, output: body.output };
}
