/**
 * Shapes with named dimensions. A dimension is a number, a name (`"batch"`), or a product written
 * canonically (`"50*batch"`), which appears when a named dimension is merged with others.
 */
import { ShapeError } from "../core/index.ts";

export type Dim = number | string;
export type Shape = readonly Dim[];

/** A dimension as constant times sorted names. */
export function dimFactors(dim: Dim): { constant: number; names: string[] } {
  if (typeof dim === "number") return { constant: dim, names: [] };
  let constant = 1;
  const names: string[] = [];
  for (const part of dim.split("*")) {
    if (/^\d+$/.test(part)) constant *= Number(part);
    else names.push(part);
  }
  return { constant, names: names.sort() };
}

/** The product of dimensions in canonical form: constant first, names in order. */
export function dimProduct(dims: Shape): Dim {
  let constant = 1;
  const names: string[] = [];
  for (const dim of dims) {
    const factors = dimFactors(dim);
    constant *= factors.constant;
    names.push(...factors.names);
  }
  if (constant === 0 || names.length === 0) return constant;
  const product = names.sort().join("*");
  return constant === 1 ? product : `${constant}*${product}`;
}

/** A dimension divided by another; undefined when it does not divide exactly. */
export function dimQuotient(dim: Dim, divisor: Dim): Dim | undefined {
  const a = dimFactors(dim);
  const b = dimFactors(divisor);
  if (b.constant === 0 || a.constant % b.constant !== 0) return undefined;
  const names = [...a.names];
  for (const name of b.names) {
    const at = names.indexOf(name);
    if (at < 0) return undefined;
    names.splice(at, 1);
  }
  return dimProduct([a.constant / b.constant, ...names]);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === "number");
}

/** NumPy's rule; two different names, or a name against a number other than 1, do not broadcast. */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(`${operation}: shapes do not broadcast`, { a, b });
    }
    out.push(x === 1 ? y : x);
  }
  return out;
}

/** An axis counted from the front; negative ones count from the back. */
export function normalizeAxis(operation: string, axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(at) || at < 0 || at >= rank) {
    throw new ShapeError(`${operation}: axis out of range`, { axis, rank });
  }
  return at;
}
