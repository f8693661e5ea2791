// The row arena's plan (row-plan.ts), set once for an instance: one instance serves one memory.

export let dim: i32 = 0;
export let rows: i32 = 0;
export let positions: i32 = 0;
/** Bytes from one row to the next. */
export let strideBytes: usize = 0;
export let table: usize = 0;
export let scalarState: usize = 0;
export let positionRows: usize = 0;
export let gatherIndices: usize = 0;
export let gradients: usize = 0;
export let order: usize = 0;
export let unique: usize = 0;
export let segmentStart: usize = 0;
export let segmentEnd: usize = 0;
export let sortSpace: usize = 0;
export let histogram: usize = 0;
export let frozen: usize = 0;
export let zeros: usize = 0;

export function bind(
  dim_: i32,
  rows_: i32,
  positions_: i32,
  stride: i32,
  table_: usize,
  scalarState_: usize,
  positionRows_: usize,
  gatherIndices_: usize,
  gradients_: usize,
  order_: usize,
  unique_: usize,
  segmentStart_: usize,
  segmentEnd_: usize,
  sortSpace_: usize,
  histogram_: usize,
  frozen_: usize,
  zeros_: usize,
): void {
  dim = dim_;
  rows = rows_;
  positions = positions_;
  strideBytes = (<usize>stride) << 2;
  table = table_;
  scalarState = scalarState_;
  positionRows = positionRows_;
  gatherIndices = gatherIndices_;
  gradients = gradients_;
  order = order_;
  unique = unique_;
  segmentStart = segmentStart_;
  segmentEnd = segmentEnd_;
  sortSpace = sortSpace_;
  histogram = histogram_;
  frozen = frozen_;
  zeros = zeros_;
}

// @ts-ignore: decorator
@inline
export function rowAt(row: i32): usize {
  return table + <usize>row * strideBytes;
}

/** First byte of a task's gradients. */
// @ts-ignore: decorator
@inline
export function gradientsOf(task: i32): usize {
  return gradients + (((<usize>task) * <usize>positions * <usize>dim) << 2);
}
