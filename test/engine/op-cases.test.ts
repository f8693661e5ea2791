/**
 * Every operator of the reference engine against ONNX Runtime, native and WASM, on a table of cases. Where the
 * runtime has no kernel for a dtype the test says so and checks that it is still true.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { createEngine, type Engine, type HostTensor, referenceEngine } from "../../src/engine/index.ts";
import { kernels } from "../../src/engine/reference/kernels.ts";
import { feedsOf, modelOf, type OpCase } from "./op-cases/case.ts";
import { elementwiseCases } from "./op-cases/elementwise.ts";
import { movementCases } from "./op-cases/movement.ts";
import { reductionCases } from "./op-cases/reduction.ts";
import { expectClose } from "./close.ts";

const cases: readonly OpCase[] = [...elementwiseCases, ...reductionCases, ...movementCases];

const reference = referenceEngine({ floatOutputs: "declared" });

async function run(engine: Engine, model: Uint8Array, opCase: OpCase): Promise<HostTensor[]> {
  const session = await engine.load(model, { threads: 1 });
  const results = await session.run(feedsOf(opCase));
  await session.release();
  return Array.from({ length: opCase.outputs ?? 1 }, (_, i) => results[`out${i}`]);
}

it("has a case for every operator", () => {
  const covered = new Set(cases.map(({ op }) => op));
  expect(Object.keys(kernels).filter((op) => !covered.has(op))).toEqual([]);
});

describe.each(["native", "wasm"] as const)("reference against %s", (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine(name);
  });

  it.each(cases.map((opCase) => [`${opCase.op}, ${opCase.about}`, opCase] as const))(
    "%s",
    async (_, opCase) => {
      const ours = await run(reference, modelOf(opCase, []), opCase);
      opCase.expected?.forEach((tensor, i) => {
        expectClose(ours[i], tensor, opCase.tolerance);
      });
      if (opCase.differs !== undefined) return;
      const model = modelOf(
        opCase,
        ours.map(({ dtype, dims }) => ({ dtype, rank: dims.length })),
      );
      if (opCase.lacking === "everywhere" || opCase.lacking === name) {
        await expect(engine.load(model)).rejects.toThrow(/NOT_IMPLEMENTED|Could not find an implementation/);
        return;
      }
      const theirs = await run(engine, model, opCase);
      theirs.forEach((tensor, i) => {
        expectClose(ours[i], tensor, opCase.tolerance);
      });
    },
  );
});
