/** Method forms of the common operations: `x.mul(y).add(1)`. Installed once, when `ops` is loaded. */
import { type Shape, Tensor } from "../tensor/index.ts";
import { add, div, mul, neg, type Operand, sub } from "./arithmetic.ts";
import { matmul, type MatmulOptions } from "./matmul.ts";
import { max, mean, type ReduceOptions, sum } from "./reduce.ts";
import { expandDims, flatten, reshape, squeeze } from "./reshape.ts";

interface FluentMethods {
  add(other: Operand): Tensor;
  sub(other: Operand): Tensor;
  mul(other: Operand): Tensor;
  div(other: Operand): Tensor;
  neg(): Tensor;
  matmul(other: Tensor, options?: MatmulOptions): Tensor;
  sum(options?: ReduceOptions): Tensor;
  mean(options?: ReduceOptions): Tensor;
  max(options?: ReduceOptions): Tensor;
  reshape(shape: Shape): Tensor;
  squeeze(axis: number): Tensor;
  expandDims(axis: number): Tensor;
  flatten(options?: { from?: number }): Tensor;
}

const methods: FluentMethods & ThisType<Tensor> = {
  add(other: Operand): Tensor {
    return add(this, other);
  },
  sub(other: Operand): Tensor {
    return sub(this, other);
  },
  mul(other: Operand): Tensor {
    return mul(this, other);
  },
  div(other: Operand): Tensor {
    return div(this, other);
  },
  neg(): Tensor {
    return neg(this);
  },
  matmul(other: Tensor, options?: MatmulOptions): Tensor {
    return matmul(this, other, options);
  },
  sum(options?: ReduceOptions): Tensor {
    return sum(this, options);
  },
  mean(options?: ReduceOptions): Tensor {
    return mean(this, options);
  },
  max(options?: ReduceOptions): Tensor {
    return max(this, options);
  },
  reshape(shape: Shape): Tensor {
    return reshape(this, shape);
  },
  squeeze(axis: number): Tensor {
    return squeeze(this, axis);
  },
  expandDims(axis: number): Tensor {
    return expandDims(this, axis);
  },
  flatten(options?: { from?: number }): Tensor {
    return flatten(this, options);
  },
};

declare module "../tensor/tensor.ts" {
  interface Tensor extends FluentMethods {}
}

Object.assign(Tensor.prototype, methods);
