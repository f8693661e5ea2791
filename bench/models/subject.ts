/** What the benchmark measures: a model with what it learns from, built when its turn comes. */
import type { EncodedBatch } from "../../src/schema/index.ts";
import type { GraphSource, Objective } from "../../src/training/index.ts";

export interface Subject {
  readonly name: string;
  build(): {
    readonly source: GraphSource & { readonly objective: Objective };
    readonly batchSize: number;
    /** Learned from in turns. */
    readonly batches: readonly [EncodedBatch, EncodedBatch];
  };
}
