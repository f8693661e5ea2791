/** Candidates of the sampled requests, collected column by column in arrays that grow. */
import type { Feedback } from "./feedback.ts";

/** What leaves a worker: plain arrays of equal length. */
export interface CandidateBatch {
  readonly request: Int32Array;
  /** 1 … 10 where the slate showed the item, 0 where it did not. */
  readonly shownPosition: Uint8Array;
  readonly item: Int32Array;
  readonly frequency: Uint16Array;
  readonly propensity: Float32Array;
  readonly trueClick: Float32Array;
  readonly trueLike: Float32Array;
  readonly trueConversionGivenClick: Float32Array;
  readonly trueHide: Float32Array;
}

export class CandidateColumns {
  #capacity = 0;
  #length = 0;
  #columns = makeColumns(0);

  get length(): number {
    return this.#length;
  }

  add(
    request: number,
    shownPosition: number,
    item: number,
    frequency: number,
    propensity: number,
    feedback: Feedback,
  ): void {
    if (this.#length === this.#capacity) this.#grow();
    const at = this.#length++;
    const columns = this.#columns;
    columns.request[at] = request;
    columns.shownPosition[at] = shownPosition;
    columns.item[at] = item;
    columns.frequency[at] = frequency;
    columns.propensity[at] = propensity;
    columns.trueClick[at] = feedback.click;
    columns.trueLike[at] = feedback.like;
    columns.trueConversionGivenClick[at] = feedback.conversionGivenClick;
    columns.trueHide[at] = feedback.hide;
  }

  /** Hands over what was collected and starts anew. */
  take(): CandidateBatch {
    const length = this.#length;
    const batch = mapColumns(this.#columns, (column) => column.slice(0, length));
    this.#length = 0;
    return batch;
  }

  #grow(): void {
    this.#capacity = Math.max(1024, 2 * this.#capacity);
    const larger = makeColumns(this.#capacity);
    for (const name of columnNames) larger[name].set(this.#columns[name]);
    this.#columns = larger;
  }
}

function makeColumns(length: number): CandidateBatch {
  return {
    request: new Int32Array(length),
    shownPosition: new Uint8Array(length),
    item: new Int32Array(length),
    frequency: new Uint16Array(length),
    propensity: new Float32Array(length),
    trueClick: new Float32Array(length),
    trueLike: new Float32Array(length),
    trueConversionGivenClick: new Float32Array(length),
    trueHide: new Float32Array(length),
  };
}

const columnNames = Object.keys(makeColumns(0)) as (keyof CandidateBatch)[];

/** Batches one after another. */
export function joinCandidates(batches: readonly CandidateBatch[]): CandidateBatch {
  const joined = makeColumns(batches.reduce((sum, batch) => sum + batch.item.length, 0));
  let at = 0;
  for (const batch of batches) {
    for (const name of columnNames) joined[name].set(batch[name], at);
    at += batch.item.length;
  }
  return joined;
}

function mapColumns(
  columns: CandidateBatch,
  change: <T extends { slice(start: number, end: number): T }>(column: T) => T,
): CandidateBatch {
  return {
    request: change(columns.request),
    shownPosition: change(columns.shownPosition),
    item: change(columns.item),
    frequency: change(columns.frequency),
    propensity: change(columns.propensity),
    trueClick: change(columns.trueClick),
    trueLike: change(columns.trueLike),
    trueConversionGivenClick: change(columns.trueConversionGivenClick),
    trueHide: change(columns.trueHide),
  };
}
