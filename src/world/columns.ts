/**
 * Where generated rows are put: one typed array a column, over shared memory, so that worker threads fill
 * disjoint ranges of the same arrays. Rows lie request by request, requests user by user in time order; that
 * order depends on the options alone, never on how many threads work.
 */

const rowKinds = {
  item: Int32Array,
  propensity: Float32Array,
  byAffinity: Uint8Array,
  frequency: Uint16Array,
  click: Uint8Array,
  trueClick: Float32Array,
  like: Uint8Array,
  trueLike: Float32Array,
  conversion: Uint8Array,
  trueConversion: Float32Array,
  trueConversionGivenClick: Float32Array,
  /** Seconds from click to conversion; 0 without one. */
  conversionDelay: Float32Array,
  dwell: Float32Array,
  trueDwell: Float32Array,
  hide: Uint8Array,
  trueHide: Float32Array,
} as const;

const requestKinds = {
  user: Int32Array,
  /** Seconds since the start of day 0. */
  time: Int32Array,
  domain: Uint8Array,
  /** Clicks of the user strictly before `time`. */
  historyLength: Int32Array,
} as const;

type Kinds = Record<string, new (buffer: SharedArrayBuffer) => ArrayLike<number>>;
type Columns<K extends Kinds> = { readonly [Name in keyof K]: InstanceType<K[Name]> };
type Buffers<K extends Kinds> = { readonly [Name in keyof K]: SharedArrayBuffer };

export type RowColumns = Columns<typeof rowKinds>;
export type RowBuffers = Buffers<typeof rowKinds>;
export type RequestColumns = Columns<typeof requestKinds>;
export type RequestBuffers = Buffers<typeof requestKinds>;

/** Memory for `length` rows (46 bytes each) or requests (13 bytes each). */
export const allocateRows = (length: number): RowBuffers => allocate(rowKinds, length);
export const allocateRequests = (length: number): RequestBuffers => allocate(requestKinds, length);
export const viewRows = (buffers: RowBuffers): RowColumns => view(rowKinds, buffers);
export const viewRequests = (buffers: RequestBuffers): RequestColumns => view(requestKinds, buffers);

function allocate<K extends Kinds & Record<string, { BYTES_PER_ELEMENT: number }>>(
  kinds: K,
  length: number,
): Buffers<K> {
  return Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      new SharedArrayBuffer(length * kind.BYTES_PER_ELEMENT),
    ]),
  ) as Buffers<K>;
}

function view<K extends Kinds>(kinds: K, buffers: Buffers<K>): Columns<K> {
  return Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [name, new kind(buffers[name])]),
  ) as Columns<K>;
}
