/** The reference engine against outputs of the onnx package's own evaluator (test/golden/onnx-reference.py). */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type HostDType, type HostTensor, referenceEngine } from "../../src/engine/index.ts";
import { type AttributeValue, float, hostTensor } from "../../src/onnx/index.ts";
import { expectClose } from "./close.ts";
import { feedsOf, modelOf, type OpCase } from "./op-cases/case.ts";

interface GoldenTensor {
  readonly dtype: HostDType;
  readonly dims: readonly number[];
  readonly values: readonly (number | string)[];
}

interface GoldenCase {
  readonly op: string;
  readonly about: string;
  readonly opset: number;
  readonly attributes: {
    readonly [name: string]: {
      readonly int?: number;
      readonly float?: number;
      readonly string?: string;
      readonly ints?: readonly number[];
    };
  };
  readonly inputs: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
}

/** The evaluator takes float32 constants or a float32 error function into these, whatever the dtype. */
const singlePrecisionInside = new Set(["Erf", "Gelu", "HardSwish"]);

const path = new URL("../golden/onnx-reference.json", import.meta.url);
const golden: { readonly cases: readonly GoldenCase[] } = JSON.parse(readFileSync(path, "utf8"));

function tensorOf({ dtype, dims, values }: GoldenTensor): HostTensor {
  const named: { readonly [name: string]: number } = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity };
  return hostTensor(
    dtype,
    dims,
    values.map((value) => (typeof value === "string" ? (named[value] ?? BigInt(value)) : value)),
  );
}

function attributesOf(given: GoldenCase["attributes"]): { [name: string]: AttributeValue } {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      value.float === undefined ? (value.int ?? value.string ?? value.ints ?? []) : float(value.float),
    ]),
  );
}

it.each(golden.cases.map((entry) => [`${entry.op}, ${entry.about}`, entry] as const))(
  "%s",
  async (_, entry) => {
    const opCase: OpCase = {
      ...entry,
      inputs: entry.inputs.map(tensorOf),
      attributes: attributesOf(entry.attributes),
      outputs: entry.outputs.length,
    };
    const session = await referenceEngine({ floatOutputs: "declared" }).load(modelOf(opCase, []));
    const results = await session.run(feedsOf(opCase));
    entry.outputs.forEach((output, i) => {
      expectClose(
        results[`out${i}`],
        tensorOf(output),
        singlePrecisionInside.has(entry.op) ? 1e-7 : undefined,
      );
    });
    expect(entry.outputs.length).toBeGreaterThan(0);
  },
);
