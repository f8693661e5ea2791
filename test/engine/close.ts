/** Equality of tensors: exact for integers and bools, relative to max(1, |value|) for floats. */
import { expect } from "vitest";
import type { HostTensor } from "../../src/engine/index.ts";

/** A few roundings of float32, and of a library function in float64. */
const defaultTolerance = { float32: 2e-6, float64: 1e-12 } as const;

export function expectClose(received: HostTensor, expected: HostTensor, tolerance?: number): void {
  expect({ dtype: received.dtype, dims: received.dims }).toEqual({
    dtype: expected.dtype,
    dims: expected.dims,
  });
  const { dtype } = expected;
  if (dtype !== "float32" && dtype !== "float64") {
    expect(received.data).toEqual(expected.data);
    return;
  }
  const allowed = tolerance ?? defaultTolerance[dtype];
  const close = (a: number, b: number) =>
    Object.is(a, b) || (Number.isFinite(b) && Math.abs(a - b) <= allowed * Math.max(1, Math.abs(b)));
  const far = Array.from(
    expected.data as Float32Array | Float64Array,
    (value, i) => [i, Number(received.data[i]), value] as const,
  ).filter(([, a, b]) => !close(a, b));
  expect(far, "[position, received, expected]").toEqual([]);
}
