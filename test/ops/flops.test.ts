/** Every op declares its arithmetic, or is known to do none; loops count their body once a step. */
import { expect, test } from "vitest";
import { scan, topological } from "../../src/autodiff/index.ts";
import { countFlops } from "../../src/compile/index.ts";
import { add, matmul, mul, tanh } from "../../src/ops/index.ts";
import { input } from "../../src/tensor/index.ts";
import { drawInputs, outputsOf } from "./case.ts";
import { cases } from "./cases.ts";

const free = [
  ...["input", "constant", "iota", "sizeOf", "stopGradient", "cast", "bitXor", "shiftRight"],
  ...["reshape", "broadcastTo", "transpose", "concat", "slice", "pad", "take", "takeAlong", "gather"],
  ...["equal", "less", "greater", "and", "or", "not", "where", "topKIndices", "positionsOf"],
];

test("no op forgets its arithmetic", () => {
  const silent = new Set<string>();
  for (const [name, of] of Object.entries(cases)) {
    for (const opCase of of) {
      for (const { op } of topological(...outputsOf(opCase, drawInputs(opCase, name, 3).leaves)))
        if (op.flops === undefined && !free.includes(op.name)) silent.add(op.name);
    }
  }
  expect([...silent]).toEqual([]);
});

test("operations grow with the dimensions they are for; what is shared counts once", () => {
  const [x, w] = [input("x", ["batch", 3]), input("w", [3, 4])];
  const y = matmul(x, tanh(w)); // 12 for every batch, 2 · 3 · 4 a row
  expect(countFlops([add(y, matmul(x, tanh(w)))])).toEqual(
    new Map([
      ["", 12],
      ["batch", 24 + 4],
    ]),
  );
});

test("a recurrence counts its step once for each", () => {
  const [h, x, w] = [input("h", ["batch", 2]), input("x", [5, "batch", 2]), input("w", [2, 2])];
  const scaled = mul(w, 2);
  const y = scan((state, [now]) => tanh(add(matmul(state, scaled), now)), { initial: h, inputs: [x] });
  expect(countFlops([y])).toEqual(
    new Map([
      ["", 4],
      ["batch", 5 * (2 * 2 * 2 + 2 + 2)],
    ]),
  );
});
