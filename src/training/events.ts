/** What training tells whoever listens: progress bars, event files, tests. */
import type { EpochRecord } from "./checkpoint.ts";
import type { Evaluation } from "./evaluate.ts";
import type { LogitGradients } from "./logit-gradients.ts";
import type { MemoryLine } from "./model-weights.ts";

export type TrainingEvent =
  | { readonly type: "memory"; readonly lines: readonly MemoryLine[] }
  | { readonly type: "resumed"; readonly epoch: number; readonly batch: number; readonly steps: number }
  | {
      readonly type: "step";
      readonly epoch: number;
      readonly epochs: number;
      readonly step: number;
      /** Rows of this epoch learned from, and rows in all. */
      readonly rows: number;
      readonly epochRows: number;
      readonly loss: number;
      readonly samplesPerSecond: number;
      readonly learningRate: number;
      /** Of this batch, by label, where they are recorded. */
      readonly logitGradients?: { readonly [label: string]: LogitGradients };
    }
  | {
      readonly type: "epoch";
      readonly record: EpochRecord;
      readonly improved: boolean;
      readonly evaluation?: Evaluation;
    }
  | { readonly type: "rate"; readonly from: number; readonly to: number }
  | { readonly type: "checkpoint"; readonly step: number }
  | { readonly type: "stopped"; readonly reason: string };

export type TrainingListener = (event: TrainingEvent) => void;
