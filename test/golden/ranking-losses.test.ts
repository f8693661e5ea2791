/** Ranking losses against PyTorch: values and gradients by logit. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { grad } from "../../src/autodiff/index.ts";
import { createEngine } from "../../src/engine/index.ts";
import { combinedRankingLoss, jointRankingLoss, type RankingKind } from "../../src/losses/index.ts";
import { type HostTensor, hostTensor } from "../../src/onnx/index.ts";
import { input, type Tensor } from "../../src/tensor/index.ts";
import { judge, runGraph } from "../graph/run.ts";

interface Golden {
  readonly batches: readonly {
    readonly logits: readonly number[];
    readonly labels: readonly number[];
    readonly weights: readonly number[] | null;
    readonly groups: readonly number[] | null;
    readonly cases: readonly {
      readonly kind: RankingKind;
      readonly alpha: number;
      readonly focalGamma: number;
      readonly loss: number;
      readonly gradient: readonly number[];
    }[];
    readonly joint: {
      readonly click: readonly number[];
      readonly none: readonly number[];
      readonly loss: number;
      readonly clickGradient: readonly number[];
      readonly noneGradient: readonly number[];
    };
  }[];
}

const golden = JSON.parse(readFileSync(new URL("ranking_losses.json", import.meta.url), "utf8")) as Golden;

const column = (name: string, dtype: "float32" | "int32" = "float32") => input(name, ["batch"], dtype);
const [logits, labels, weights, click, none] = ["logits", "labels", "weights", "click", "none"].map((name) =>
  column(name),
);
const groups = column("groups", "int32");

const engines = [
  { name: "reference", engine: judge, tolerance: 1e-6 },
  { name: "native", engine: await createEngine("auto"), tolerance: 1e-5 },
];

describe.each(engines)("$name engine", ({ engine, tolerance }) => {
  describe.each(golden.batches.map((batch, k) => ({ batch, k })))("batch $k", ({ batch }) => {
    const values = new Map<Tensor, HostTensor>(
      (
        [
          [logits, batch.logits],
          [labels, batch.labels],
          [weights, batch.weights ?? []],
          [click, batch.joint.click],
          [none, batch.joint.none],
        ] as const
      ).map(([leaf, data]) => [leaf, hostTensor("float32", [data.length], data)]),
    );
    values.set(groups, hostTensor("int32", [batch.groups?.length ?? 0], batch.groups ?? []));
    const given = {
      labels,
      ...(batch.weights === null ? {} : { weights }),
      ...(batch.groups === null ? {} : { groups }),
    };

    test("combined with cross entropy", async () => {
      for (const { kind, alpha, focalGamma, ...expected } of batch.cases) {
        const loss = combinedRankingLoss({ logits, ...given }, { kind, alpha, focalGamma });
        const results = await runGraph(engine, { loss, gradient: grad(loss, [logits])[0] }, values);
        const about = `${kind}, alpha ${alpha}, gamma ${focalGamma}`;
        expect(results.loss.data[0] as number, about).toBeCloseTo(expected.loss, 5);
        expectClose(results.gradient, expected.gradient, tolerance, about);
      }
    });

    test("JRC of two logits", async () => {
      const loss = jointRankingLoss({ click, none }, given);
      const [ofClick, ofNone] = grad(loss, [click, none]);
      const results = await runGraph(engine, { loss, ofClick, ofNone }, values);
      expect(results.loss.data[0] as number).toBeCloseTo(batch.joint.loss, 5);
      expectClose(results.ofClick, batch.joint.clickGradient, tolerance, "z¹");
      expectClose(results.ofNone, batch.joint.noneGradient, tolerance, "z⁰");
    });
  });
});

function expectClose(
  { data }: HostTensor,
  expected: readonly number[],
  tolerance: number,
  about: string,
): void {
  for (const [k, value] of expected.entries()) {
    expect(Math.abs((data[k] as number) - value), `${about}: row ${k}`).toBeLessThan(tolerance);
  }
}
