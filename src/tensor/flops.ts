/** How much arithmetic a node is, as its op declares it. */
import { type Dim, dimProduct } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** The terms of one node; their sum is its number of arithmetic operations. */
export function flopsOf(node: Tensor): readonly Dim[] {
  return node.op.flops?.(node.inputs, node, node.attributes) ?? [];
}

/** `count` operations for each element of `x`. */
export function perElement(x: Tensor, count = 1): readonly Dim[] {
  return [dimProduct([count, ...x.shape])];
}
