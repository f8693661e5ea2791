/** A tensor seen along one axis. */
import { elementCount } from "../../onnx/index.ts";

/** A shape seen along one axis: `[outer, size, inner]`. */
export interface AxisView {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

export function axisView(dims: readonly number[], axis: number): AxisView {
  return {
    outer: elementCount(dims.slice(0, axis)),
    size: dims[axis],
    inner: elementCount(dims.slice(axis + 1)),
  };
}

/** Calls `visit` with the first position and the step of every line along the axis. */
export function forEachLine(
  { outer, size, inner }: AxisView,
  visit: (start: number, step: number) => void,
): void {
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) visit(o * size * inner + i, inner);
  }
}

/** `dims` with one axis replaced. */
export function withAxis(dims: readonly number[], axis: number, size: number): number[] {
  return dims.map((dim, i) => (i === axis ? size : dim));
}
