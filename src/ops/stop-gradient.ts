import { apply, defineOp, type Tensor } from "../tensor/index.ts";

const stopGradientOp = defineOp<readonly [Tensor]>({
  name: "stopGradient",
  infer: ([x]) => x,
  vjp: () => [null],
  lower: (_, [x]) => x,
});

/** The same value, through which no gradient flows. */
export function stopGradient(x: Tensor): Tensor {
  return apply(stopGradientOp, [x]);
}
