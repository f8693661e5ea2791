/**
 * The learning-rate range test: train from the start with a rate that grows by the same factor in every
 * step, and watch where the loss falls and where it blows up.
 *
 * Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, arXiv:1506.01186.
 */
import { ConfigError, MillraceError, parseOptions } from "../core/index.ts";
import type { TrainInput } from "./train-input.ts";
import { trainingOptions } from "./training-options.ts";
import { createLearner } from "./training-run.ts";

export interface RateTrial {
  readonly learningRate: number;
  /** Loss of the batch before its step. */
  readonly loss: number;
  /** Exponential mean of the losses so far, without its start's bias. */
  readonly smoothed: number;
}

export interface RateRange {
  readonly trials: readonly RateTrial[];
  /** A tenth of the rate at which the smoothed loss was least; null where the loss never fell. */
  readonly suggestion: number | null;
  /** The rate at which the smoothed loss fell fastest, by equal steps of the rate's logarithm. */
  readonly steepest: number | null;
  /** Why the test ended before its last rate, if it did. */
  readonly ended: string | undefined;
}

export interface RateRangeOptions {
  /** First rate. @default 1e-6 */
  readonly from?: number;
  /** Last rate. @default 1 */
  readonly to?: number;
  /** Batches learned from. @default 150 */
  readonly steps?: number;
  readonly onTrial?: (trial: RateTrial, done: number) => void;
  /** Aborted: the test ends after the step in hand. */
  readonly signal?: AbortSignal;
}

/** Weight of the past in the smoothed loss. */
const MEMORY = 0.9;
/** The loss has blown up at this many times its least value. */
const BLOWN_UP = 4;

/**
 * Runs the test; the model's weights are thrown away.
 *
 * @throws ConfigError for a range or number of steps that makes no sense
 */
export async function findLearningRate(
  given: TrainInput,
  { from = 1e-6, to = 1, steps = 150, onTrial, signal }: RateRangeOptions = {},
): Promise<RateRange> {
  if (!(from > 0 && to > from)) {
    throw new ConfigError(`the range of rates must ascend from above zero, not ${from} to ${to}`, {
      details: { from, to },
    });
  }
  if (!(Number.isInteger(steps) && steps >= 10)) {
    throw new ConfigError(`a range test needs at least 10 steps, not ${steps}`, { details: { steps } });
  }
  const parsed = parseOptions(trainingOptions, given.options ?? {}, "findLearningRate");
  const { batchSize, seed } = parsed;
  const learner = await createLearner(given, parsed);
  const trials: RateTrial[] = [];
  let ended: string | undefined;
  let mean = 0;
  let least = Number.POSITIVE_INFINITY;
  try {
    for (let epoch = 0; trials.length < steps && ended === undefined; epoch++) {
      for await (const batch of given.train.batches({ batchSize, shuffle: { seed, epoch } })) {
        const k = trials.length;
        if (k === steps) break;
        if (signal?.aborted) ended = "interrupted";
        if (ended !== undefined) break;
        learner.learningRate = from * (to / from) ** (k / (steps - 1));
        let loss: number;
        try {
          loss = await learner.step(batch);
        } catch (error) {
          if (!(error instanceof MillraceError)) throw error;
          ended = `at ${learner.learningRate.toPrecision(3)}: ${error.message}`;
          break;
        }
        mean = MEMORY * mean + (1 - MEMORY) * loss;
        const smoothed = mean / (1 - MEMORY ** (k + 1));
        trials.push({ learningRate: learner.learningRate, loss, smoothed });
        onTrial?.(trials[k], (k + 1) / steps);
        least = Math.min(least, smoothed);
        if (smoothed > BLOWN_UP * least) {
          ended = `at ${learner.learningRate.toPrecision(3)}: the loss is ${BLOWN_UP} times its least value`;
        }
      }
    }
  } finally {
    await learner.release();
  }
  // Rates beyond the interruption may be better: nothing is suggested.
  const none = { suggestion: null, steepest: null };
  return { trials, ...(ended === "interrupted" ? none : readRange(trials)), ended };
}

/** What a range test says; the first tenth of it, where the smoothed loss still settles, is left out. */
export function readRange(trials: readonly RateTrial[]): Pick<RateRange, "suggestion" | "steepest"> {
  const first = Math.ceil(trials.length / 10);
  let least = first;
  let steepest: number | undefined;
  let fall = 0;
  for (let k = first + 1; k < trials.length; k++) {
    if (trials[k].smoothed < trials[least].smoothed) least = k;
    const change = trials[k].smoothed - trials[k - 1].smoothed;
    if (change < fall) {
      fall = change;
      steepest = k;
    }
  }
  if (steepest === undefined || trials[least].smoothed >= trials[first].smoothed) {
    return { suggestion: null, steepest: null };
  }
  return { suggestion: trials[least].learningRate / 10, steepest: trials[steepest].learningRate };
}
