/** Conversion between dtypes. Floats to integers truncate towards zero; anything but zero is true. */
import { dtypeFromProto, type HostDType } from "../../onnx/index.ts";
import type { KernelTable } from "./kernel.ts";
import { bigs, isBig, isFloat, numbers, type Value } from "./value.ts";

/** float32 and float64 are held alike here, so a cast between them changes the name only. */
export function castValue(x: Value, dtype: HostDType): Value {
  if (x.dtype === dtype) return x;
  if (dtype === "int64") {
    const y = bigs(x.dims);
    for (let i = 0; i < y.data.length; i++) y.data[i] = toBigInt(x.data[i]);
    return y;
  }
  const y = numbers(dtype, x.dims);
  for (let i = 0; i < y.data.length; i++) {
    const from = x.data[i];
    if (dtype === "bool") y.data[i] = Number(from) === 0 ? 0 : 1;
    else if (isFloat(dtype)) y.data[i] = Number(from);
    // Wraps modulo the width, as C does for integers; for floats out of range C leaves it open.
    else y.data[i] = isBig(x) ? Number(BigInt.asIntN(32, x.data[i])) : Math.trunc(Number(from));
  }
  return y;
}

/** What the hardware makes of NaN and infinity is the smallest integer. */
function toBigInt(from: number | bigint): bigint {
  if (typeof from === "bigint") return from;
  return Number.isFinite(from) ? BigInt(Math.trunc(from)) : -(2n ** 63n);
}

export const castKernels: KernelTable = {
  Cast: (node) => [castValue(node.input(0), dtypeFromProto(node.int("to"), "Cast"))],
  CastLike: (node) => [castValue(node.input(0), node.input(1).dtype)],
};
