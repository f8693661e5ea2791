/** What an operator's implementation is given: its inputs, its attributes, and a way to fail that names the node. */
import { EngineError } from "../../core/index.ts";
import { type HostTensor, hostFromTensor, type NodeProto } from "../../onnx/index.ts";
import { isBig, isFloat, type NumberValue, type Value } from "./value.ts";

/** Computes all outputs of a node from its inputs. */
export type Kernel = (node: KernelNode) => readonly Value[];

/** Kernels by operator name. */
export interface KernelTable {
  readonly [opType: string]: Kernel;
}

export class KernelNode {
  readonly #proto: NodeProto;
  readonly #inputs: readonly (Value | undefined)[];

  constructor(proto: NodeProto, inputs: readonly (Value | undefined)[]) {
    this.#proto = proto;
    this.#inputs = inputs;
  }

  get opType(): string {
    return this.#proto.opType;
  }

  get outputCount(): number {
    return this.#proto.output.length;
  }

  /** All inputs of an operator that takes any number. */
  get inputs(): readonly Value[] {
    return this.#inputs.map((_, i) => this.input(i));
  }

  input(index: number): Value {
    return this.#inputs[index] ?? this.fail(`input ${index} is required`);
  }

  optional(index: number): Value | undefined {
    return this.#inputs[index];
  }

  floats(index: number): NumberValue {
    const value = this.input(index);
    if (isBig(value) || !isFloat(value.dtype))
      this.fail(`input ${index} must be a float tensor, is ${value.dtype}`);
    return value;
  }

  bools(index: number): NumberValue {
    const value = this.input(index);
    if (isBig(value) || value.dtype !== "bool")
      this.fail(`input ${index} must be a bool tensor, is ${value.dtype}`);
    return value;
  }

  has(attribute: string): boolean {
    return this.#attribute(attribute) !== undefined;
  }

  int(attribute: string, otherwise?: number): number {
    const found = this.#attribute(attribute);
    return found === undefined
      ? (otherwise ?? this.fail(`attribute ${attribute} is required`))
      : Number(found.i);
  }

  float(attribute: string, otherwise: number): number {
    return this.#attribute(attribute)?.f ?? otherwise;
  }

  string(attribute: string, otherwise: string): string {
    const found = this.#attribute(attribute);
    return found === undefined ? otherwise : new TextDecoder().decode(found.s);
  }

  ints(attribute: string): number[] | undefined {
    return this.#attribute(attribute)?.ints.map(Number);
  }

  floatList(attribute: string): number[] | undefined {
    return this.#attribute(attribute)?.floats;
  }

  tensor(attribute: string): HostTensor | undefined {
    const found = this.#attribute(attribute)?.t;
    return found === undefined ? undefined : hostFromTensor(found);
  }

  /** A possibly negative axis as one counted from the front. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) this.fail(`axis ${axis} does not exist in ${rank} dimensions`);
    return axis < 0 ? axis + rank : axis;
  }

  axes(axes: readonly number[], rank: number): number[] {
    return axes.map((axis) => this.axis(axis, rank));
  }

  fail(problem: string): never {
    const { opType, name } = this.#proto;
    const inputs = this.#inputs.map((value) => value && `${value.dtype}[${value.dims.join(", ")}]`);
    throw new EngineError(`reference engine: ${opType} "${name}": ${problem}`, {
      details: { opType, node: name, inputs },
    });
  }

  #attribute(name: string) {
    return this.#proto.attribute.find((attribute) => attribute.name === name);
  }
}
