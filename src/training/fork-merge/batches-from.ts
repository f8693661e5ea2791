/** Batches from a place in the run's order on, over the ends of epochs, so that several learners can read the same. */
import type { BatchSource, EncodedBatch } from "../../schema/index.ts";
import type { TrainingOptions } from "../training-options.ts";

/** Where reading goes on: `batch` batches of `epoch` are read. */
export interface Position {
  readonly epoch: number;
  readonly batch: number;
}

/** At most `count` batches, ending with the last epoch; each with the position after it. */
export async function* batchesFrom(
  source: BatchSource,
  { batchSize, seed, shuffle, epochs }: Pick<TrainingOptions, "batchSize" | "seed" | "shuffle" | "epochs">,
  from: Position,
  count: number,
): AsyncGenerator<{ readonly batch: EncodedBatch; readonly next: Position }> {
  const perEpoch = Math.ceil(source.rows / batchSize);
  let { epoch, batch: skip } = from;
  let left = count;
  while (left > 0 && epoch < epochs && perEpoch > 0) {
    const order = shuffle ? { seed, epoch } : undefined;
    for await (const batch of source.batches({ batchSize, shuffle: order, skip })) {
      skip++;
      left--;
      const next = skip === perEpoch ? { epoch: epoch + 1, batch: 0 } : { epoch, batch: skip };
      yield { batch, next };
      if (left === 0) return;
    }
    epoch++;
    skip = 0;
  }
}
