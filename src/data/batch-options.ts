import { ConfigError } from "../core/index.ts";
import type { BatchOptions } from "../schema/index.ts";

/** @throws ConfigError for sizes that are no counts */
export function checkBatchOptions({ batchSize, skip = 0 }: BatchOptions): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ConfigError(`batch_size is ${batchSize}, expected a whole number from 1`, {
      details: { key: "batch_size", expected: "a whole number from 1", received: batchSize },
    });
  }
  if (!Number.isInteger(skip) || skip < 0) {
    throw new ConfigError(`skip is ${skip}, expected a whole number from 0`, {
      details: { key: "skip", expected: "a whole number from 0", received: skip },
    });
  }
}
