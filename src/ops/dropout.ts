/**
 * Dropout whose bits are a function of (key, element): the mixer of `core/random.ts` on uint32 inside
 * the graph, so that a run resumes exactly and every engine drops the same elements.
 */
import { mix32, ShapeError } from "../core/index.ts";
import { constant, dimProduct, type Tensor } from "../tensor/index.ts";
import { add, mul } from "./arithmetic.ts";
import { bitXor, iota, shiftRight } from "./bits.ts";
import { cast } from "./cast.ts";
import { less } from "./compare.ts";
import { expandDims, reshape } from "./reshape.ts";

/** `lowbias32` on every element. */
export function mixBits(x: Tensor): Tensor {
  let bits = mul(bitXor(x, shiftRight(x, 16)), constant(0x7feb352d, { dtype: "uint32" }));
  bits = mul(bitXor(bits, shiftRight(bits, 15)), constant(0x846ca68b, { dtype: "uint32" }));
  return bitXor(bits, shiftRight(bits, 16));
}

/**
 * Random uint32 `[rows, columns]`: each row draws a key from its number, each element one mixing round.
 * Rows and columns are hashed apart so that only one round runs over the whole array.
 */
function randomBits(key: Tensor, rows: Tensor["shape"][number], columns: number): Tensor {
  const row = mixBits(add(cast(iota(rows), "uint32"), key)); // [rows]
  const column = constant(
    Uint32Array.from({ length: columns }, (_, j) => mix32((j + 0x9e3779b9) >>> 0)),
    {
      dtype: "uint32",
    },
  );
  const mixed = bitXor(expandDims(row, -1), column); // [rows, columns]
  // Both keys are mixed already, so of the mixer's steps on the whole array two products and the shift
  // between them remain; its last xor-shift only changes low bits, and a threshold looks at the high ones.
  const once = mul(mixed, constant(0x7feb352d, { dtype: "uint32" }));
  return mul(bitXor(once, shiftRight(once, 15)), constant(0x846ca68b, { dtype: "uint32" }));
}

/**
 * Zeroes each element with probability `rate` and scales the others by `1 / (1 - rate)`.
 *
 * @param x `[rows, ...]`
 * @param rate 0 or more, less than 1
 * @param key uint32 of rank 0, different for each layer and step
 * @throws ShapeError when another axis than the first has no known size, or the rate is not in [0, 1)
 */
export function dropout(x: Tensor, { rate, key }: { rate: number; key: Tensor }): Tensor {
  if (!(rate >= 0 && rate < 1)) throw new ShapeError("dropout: the rate must lie in [0, 1)", { rate });
  if (rate === 0) return x;
  const columns = dimProduct(x.shape.slice(1));
  if (x.rank === 0 || typeof columns !== "number") {
    throw new ShapeError("dropout: only the first axis may be a named dimension", { shape: x.shape });
  }
  const bits = randomBits(key, x.shape[0], columns);
  const threshold = Math.min(Math.round((1 - rate) * 4294967296), 0xffffffff);
  const keep = less(bits, constant(threshold, { dtype: "uint32" }));
  return mul(x, mul(reshape(cast(keep, "float32"), x.shape), 1 / (1 - rate)));
}
