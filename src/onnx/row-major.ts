/** Row-major index arithmetic: strides, and ONNX's (NumPy's) broadcasting. */
import { elementCount } from "./host-tensor.ts";

export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis];
  }
  return strides;
}

/** The common shape of several under broadcasting, or undefined when there is none. */
export function broadcastDims(shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((dims) => dims.length));
  const result = new Array<number>(rank).fill(1);
  for (const dims of shapes) {
    for (let i = 0; i < dims.length; i++) {
      const axis = rank - dims.length + i;
      if (dims[i] === 1) continue;
      if (result[axis] !== 1 && result[axis] !== dims[i]) return undefined;
      result[axis] = dims[i];
    }
  }
  return result;
}

/** For every element of an array of shape `dims`, in order, the sum of its coordinates times `strides`. */
export function walk(dims: readonly number[], strides: readonly number[], start = 0): Int32Array {
  const count = elementCount(dims);
  const positions = new Int32Array(count);
  if (count === 0) return positions;
  const coordinates = new Array<number>(dims.length).fill(0);
  let position = start;
  for (let i = 0; ; ) {
    positions[i] = position;
    if (++i === count) return positions;
    let axis = dims.length - 1;
    for (; coordinates[axis] === dims[axis] - 1; axis--) {
      position -= coordinates[axis] * strides[axis];
      coordinates[axis] = 0;
    }
    coordinates[axis]++;
    position += strides[axis];
  }
}

/** For every element of `to`, the position of the element of `from` that broadcasting puts there. */
export function broadcastSource(from: readonly number[], to: readonly number[]): Int32Array {
  const strides = stridesOf(from);
  const missing = to.length - from.length;
  return walk(
    to,
    to.map((_, axis) => (axis < missing || from[axis - missing] === 1 ? 0 : strides[axis - missing])),
  );
}
