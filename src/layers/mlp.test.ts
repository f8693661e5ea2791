import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/index.ts";
import { input } from "../tensor/index.ts";
import { BilinearFusion, MLP } from "./index.ts";

describe("MLP", () => {
  test("has the width of its output, or of its last hidden layer, or of its input", () => {
    expect(new MLP(4, [8, 6], { output: 1 }).width).toBe(1);
    expect(new MLP(4, [8, 6]).width).toBe(6);
    expect(new MLP(4, []).width).toBe(4);
    expect(new MLP(4, [], { output: 2 }).forward(input("x", ["batch", 4])).shape).toEqual(["batch", 2]);
    const x = input("x", ["batch", 4]);
    expect(new MLP(4, []).forward(x)).toBe(x);
  });

  test("names its parameters by layer", () => {
    const mlp = new MLP(4, [3], { activation: "dice", batchNorm: true, output: 1 });
    expect([...mlp.namedParameters()].map(([path, { shape }]) => [path, shape])).toEqual([
      ["layers.0.weight", [4, 3]],
      ["layers.0.bias", [3]],
      ["norms.0.scale", [3]],
      ["norms.0.shift", [3]],
      ["activations.0.slope", [3]],
      ["head.weight", [3, 1]],
      ["head.bias", [1]],
    ]);
    expect([...mlp.namedStates().keys()]).toEqual([
      "norms.0.runningMean",
      "norms.0.runningVariance",
      "activations.0.norm.runningMean",
      "activations.0.norm.runningVariance",
    ]);
  });
});

test("heads that do not divide both streams are refused", () => {
  expect(() => new BilinearFusion(6, 4, { heads: 4 })).toThrow(ConfigError);
  expect(() => new BilinearFusion(6, 4, { heads: 4 })).toThrow(
    "the number of heads must divide both streams' widths",
  );
});
