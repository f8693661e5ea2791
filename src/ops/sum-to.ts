/** Un-broadcasting: the sum of a gradient back to the shape an operand had before broadcasting. */
import { type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

export function sumTo(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((dim, axis) =>
    axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : [],
  );
  const summed = axes.length === 0 ? g : sum(g, { axes, keepDims: true });
  return reshape(summed, shape);
}
