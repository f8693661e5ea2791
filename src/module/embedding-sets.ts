/**
 * The seam at which several embedding sets of one model meet. A model marks where its interaction of embeddings
 * ends and what follows begins; where it has one set, as usual, the mark is the identity. Where it has
 * several, what arrives is averaged: each set's forward pass is built up to the marks, then the first set's
 * once more with the averages in place of its own values.
 */
import { addAll, div } from "../ops/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { currentTrace } from "./trace.ts";

let meeting: ((hidden: Tensor) => Tensor) | undefined;

/** The mean over embedding sets of a model's value at this point; with one set the value itself. */
export function acrossSets(hidden: Tensor): Tensor {
  return meeting === undefined ? hidden : meeting(hidden);
}

/** What a forward pass gives, and what it showed at the marks on its way. */
export interface MarkedPass<T> {
  readonly output: T;
  readonly marked: readonly Tensor[];
}

/** Runs a forward pass and keeps what arrives at its marks. */
export function markedPass<T>(forward: () => T): MarkedPass<T> {
  const marked: Tensor[] = [];
  const output = withMeeting((hidden) => {
    marked.push(hidden);
    return hidden;
  }, forward);
  return { output, marked };
}

/**
 * The output of the first of several forward passes of one structure with, at each mark, the mean of all.
 * Random keys of the last pass are those of the first set's own, so that one set is exactly the plain model.
 */
export function meanOverSets<T>(forwards: readonly (() => T)[]): T {
  const trace = currentTrace();
  const start = trace.mark();
  const passes = forwards.map((forward) => {
    const { marked } = markedPass(forward);
    // Of what follows the marks, only the last pass counts.
    trace.forgetLosses(start);
    return marked;
  });
  let at = 0;
  const mean = (): Tensor => {
    const values = passes.map((marked) => marked[at]);
    at++;
    return values.length === 1 ? values[0] : div(addAll(values), values.length);
  };
  return trace.again(start, () => withMeeting(mean, forwards[0]));
}

function withMeeting<T>(meet: (hidden: Tensor) => Tensor, build: () => T): T {
  const outer = meeting;
  meeting = meet;
  try {
    return build();
  } finally {
    meeting = outer;
  }
}
