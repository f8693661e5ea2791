/**
 * Elements of one axis at positions that are known when the graph is built: the upper triangle of a matrix,
 * both members of every pair of fields. (`gather` and `takeAlong` read their positions from a tensor.)
 */
import { ShapeError } from "../core/index.ts";
import { apply, defineOp, normalizeAxis, type Tensor } from "../tensor/index.ts";
import { pad } from "./concat.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

interface TakeAttributes {
  readonly positions: readonly number[];
  readonly axis: number;
}

const takeOp = defineOp<readonly [Tensor], TakeAttributes>({
  name: "take",
  infer([x], { positions, axis }) {
    const size = x.shape[axis];
    if (typeof size !== "number" || positions.some((at) => !Number.isInteger(at) || at < 0 || at >= size)) {
      throw new ShapeError("take: positions must lie inside an axis of known size", {
        shape: x.shape,
        axis,
        positions,
      });
    }
    return { dtype: x.dtype, shape: x.shape.map((dim, i) => (i === axis ? positions.length : dim)) };
  },
  vjp: ([x], _, g, { positions, axis }) => [addUp(g, positions, x.shape[axis] as number, axis)],
  lower: (onnx, [x], { positions, axis }) => onnx.node("Gather", [x, onnx.ints(positions)], { axis }),
});

/** `y[.., j, ..] = x[.., positions[j], ..]` along one axis; positions may repeat. */
export function take(x: Tensor, positions: readonly number[], { axis = -1 }: { axis?: number } = {}): Tensor {
  return apply(takeOp, [x], { positions, axis: normalizeAxis("take", axis, x.rank) });
}

/** For every place of the axis the sum of `g` where it was taken; read rather than scattered, so every engine adds in one order. */
function addUp(g: Tensor, positions: readonly number[], size: number, axis: number): Tensor {
  const takenAt: number[][] = Array.from({ length: size }, () => []);
  for (const [j, position] of positions.entries()) takenAt[position].push(j);
  const most = takenAt.reduce((longest, list) => Math.max(longest, list.length), 0);
  const padded = pad(g, { axis, after: 1 });
  const filled = takenAt.flatMap((list) =>
    Array.from({ length: most }, (_, k) => list[k] ?? positions.length),
  );
  const aligned = take(padded, filled, { axis });
  if (most === 1) return aligned;
  const [before, after] = [g.shape.slice(0, axis), g.shape.slice(axis + 1)];
  return sum(reshape(aligned, [...before, size, most, ...after]), { axis: axis + 1 });
}
