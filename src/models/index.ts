/** The catalogue of models by name, as configurations, the command line and benchmarks use it. */
import { DCNv2, dcnV2Options } from "./dcn-v2.ts";
import { DeepFM, deepFMOptions } from "./deep-fm.ts";
import { describeModel, type ModelDescription } from "./describe-model.ts";
import { DIN, dinOptions } from "./din.ts";
import { FinalMLP, finalMLPOptions } from "./final-mlp.ts";
import { FM, fmOptions } from "./fm.ts";
import { LR, lrOptions } from "./lr.ts";

export { DCNv2, type DCNv2Options } from "./dcn-v2.ts";
export { DeepFM, type DeepFMOptions } from "./deep-fm.ts";
export { DIN, type DINOptions } from "./din.ts";
export { FinalMLP, type FinalMLPOptions } from "./final-mlp.ts";
export { FM, type FMOptions } from "./fm.ts";
export { LR } from "./lr.ts";
export type { ModelDescription };

export const models: readonly ModelDescription[] = [
  describeModel({
    name: "LR",
    summary: "Logistic regression on one-hot fields.",
    options: lrOptions,
    model: LR,
  }),
  describeModel({
    name: "FM",
    summary: "Factorization machine: all pairs of fields.",
    options: fmOptions,
    model: FM,
  }),
  describeModel({
    name: "DeepFM",
    summary: "Factorization machine beside a deep network.",
    options: deepFMOptions,
    model: DeepFM,
  }),
  describeModel({
    name: "DCNv2",
    summary: "Explicit feature crosses beside a deep network.",
    options: dcnV2Options,
    model: DCNv2,
  }),
  describeModel({
    name: "FinalMLP",
    summary: "Two gated deep networks, fused bilinearly.",
    options: finalMLPOptions,
    model: FinalMLP,
  }),
  describeModel({
    name: "DIN",
    summary: "Attention from the candidate over the user's history.",
    options: dinOptions,
    model: DIN,
  }),
];
