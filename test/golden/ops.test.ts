/** Ops of the cases table against PyTorch: forward and gradient on the same inputs. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { createEngine, type Engine } from "../../src/engine/index.ts";
import { hostTensor } from "../../src/onnx/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";
import { expectNear, type NamedArray } from "../models/named-arrays.ts";
import { type OpCase, outputsOf } from "../ops/case.ts";
import { cases } from "../ops/cases.ts";

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly inputs: readonly NamedArray[];
    readonly output: NamedArray;
    /** Gradient of the output. */
    readonly seed: NamedArray;
    /** Null for integer and bool inputs. */
    readonly gradients: readonly (NamedArray | null)[];
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("ops.json", import.meta.url), "utf8"));
const known = new Map<string, OpCase>(
  Object.entries(cases).flatMap(([op, of]) =>
    of.map((opCase) => [`${op}: ${opCase.about}`, opCase] as const),
  ),
);

/** Constants of graphs are float32 (6e-8 relative); float32 arithmetic. */
const tolerances = { reference: 2e-7, native: 3e-6 } as const;

describe.each(["reference", "native"] as const)("%s engine", (engineName) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = engineName === "reference" ? judge : await createEngine(engineName);
  });

  test.each(golden.cases)("$name", async ({ name, inputs, output, seed, gradients }) => {
    const opCase = known.get(name);
    if (opCase === undefined) throw new Error(`the table has no case "${name}"`);
    const leaves = opCase.inputs.map(({ dtype, shape }, k) => input(`x${k}`, shape, dtype));
    const values = new Map(
      leaves.map((leaf, k) => [leaf, hostTensor(leaf.dtype, inputs[k].shape, inputs[k].data)]),
    );
    const [y] = outputsOf(opCase, leaves);
    const seedLeaf = input("seed", y.shape);
    values.set(seedLeaf, hostTensor("float32", seed.shape, seed.data));
    const floats = leaves.flatMap((leaf, k) => (leaf.dtype === "float32" ? [[k, leaf] as const] : []));
    const gradient = grad(
      y,
      floats.map(([, leaf]) => leaf),
      { seed: seedLeaf },
    );
    const outputs: { [name: string]: Tensor } = { y };
    for (const [i, [k]] of floats.entries()) outputs[`g${k}`] = gradient[i];
    const results = await runGraph(engine, outputs, values);
    expect(results.y.dims).toEqual(output.shape);
    expectNear(results.y.data as Float32Array, output.data, tolerances[engineName], "output");
    for (const [k] of floats) {
      const expected = gradients[k] as NamedArray;
      expectNear(
        results[`g${k}`].data as Float32Array,
        expected.data,
        tolerances[engineName],
        `gradient ${k}`,
      );
    }
  });
});
