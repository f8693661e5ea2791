import { describe, expect, test } from "vitest";
import { CounterRandom } from "../../core/index.ts";
import { DenseArena } from "./dense-arena.ts";
import type { Optimizer } from "./optimizer.ts";

const OPTIMIZERS: readonly Optimizer[] = [
  { name: "sgd" },
  { name: "sgd", momentum: 0.9 },
  { name: "adagrad" },
  { name: "adam" },
  { name: "rmsprop" },
];
const PARAMETERS = [
  { size: 1 },
  { size: 2, l2: 0.01 },
  { size: 3, weightDecay: 0.1 },
  { size: 0 },
  { size: 7, trainable: false },
  { size: 2049, l2: 0.001, weightDecay: 0.01 },
  { size: 5119 },
];

function run(kernels: "wasm" | "javascript", optimizer: Optimizer, clip: boolean) {
  const arena = new DenseArena({ parameters: PARAMETERS, optimizer, kernels });
  const random = new CounterRandom(11, "dense");
  let counter = 0;
  const draw = (into: Float32Array): void => {
    for (let i = 0; i < into.length; i++) into[i] = random.normal(counter++);
  };
  const norms: number[] = [];
  for (const [i] of PARAMETERS.entries()) draw(arena.parameter(i));
  const frozen = [...arena.parameter(4)];
  for (let step = 1; step <= 4; step++) {
    for (const [i] of PARAMETERS.entries()) draw(arena.gradient(i));
    let gradientScale = 1;
    if (clip) {
      norms.push(arena.sumOfSquares());
      gradientScale = 2 / Math.sqrt(norms[norms.length - 1]);
    }
    arena.step({ learningRate: 0.05, step, gradientScale });
  }
  return {
    arena,
    norms,
    frozen,
    bytes: arena.stateBytes().map((view) => Buffer.from(view).toString("base64")),
  };
}

describe("DenseArena", () => {
  test("the WebAssembly kernels and their JavaScript twin leave the same bits", () => {
    for (const optimizer of OPTIMIZERS) {
      for (const clip of [false, true]) {
        const wasm = run("wasm", optimizer, clip);
        const twin = run("javascript", optimizer, clip);
        expect(wasm.norms).toEqual(twin.norms);
        expect(wasm.bytes).toEqual(twin.bytes);
        expect([...wasm.arena.parameter(4)]).toEqual(wasm.frozen);
      }
    }
  });

  test("the sum of squares leaves frozen parameters out and keeps its digits over millions of elements", () => {
    const arena = new DenseArena({
      parameters: [{ size: 8_000_000 }, { size: 10, trainable: false }],
      optimizer: { name: "sgd" },
    });
    arena.gradient(0).fill(0.1);
    arena.gradient(1).fill(1e6);
    expect(arena.sumOfSquares() / (8_000_000 * Math.fround(0.1) ** 2)).toBeCloseTo(1, 12);
    arena.setTrainable(1, true);
    expect(arena.sumOfSquares()).toBeGreaterThan(1e12);
  });

  test("parameters, gradients and state are views of one unshared memory", () => {
    const arena = new DenseArena({ parameters: [{ size: 3 }, { size: 4 }], optimizer: { name: "adam" } });
    arena.parameter(1).fill(1);
    arena.gradient(1).fill(1);
    arena.step({ learningRate: 0.5, step: 1 });
    expect([...arena.parameter(1)]).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect([...arena.parameter(0)]).toEqual([0, 0, 0]);
    const [m, v] = arena.state(1);
    expect(m[0]).toBeCloseTo(0.1, 7);
    expect(v[0]).toBeCloseTo(0.001, 9);
    expect(arena.parameter(0).buffer).toBeInstanceOf(ArrayBuffer);
    expect(arena.size).toBe(7);
  });

  test("row-wise AdaGrad is refused", () => {
    expect(() => new DenseArena({ parameters: [], optimizer: { name: "rowwise-adagrad" } })).toThrow(
      /for embedding rows/,
    );
  });
});
