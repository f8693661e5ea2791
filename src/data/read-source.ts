/**
 * Reading a raw source once: its rows, block by block, as the lanes want them, into a spool. The
 * database parses and casts in its own threads; here keys are numbered and numbers brought into shape.
 */
import type { DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import { shapeNumber } from "../schema/index.ts";
import { chunksAhead } from "./chunks-ahead.ts";
import type { KeyLane, Lane, NumberLane } from "./lanes.ts";
import type { RawSource } from "./source-spec.ts";
import { queryRow, sqlName } from "./source-sql.ts";
import { Spool, type SpooledColumn } from "./spool.ts";
import { columnVector, flatDoubles, flatWords, isValid, type ListRows, listRows, textAt } from "./vectors.ts";

/** Rows of a block. */
export const BLOCK_ROWS = 65_536;

/** The lanes of a source, block by block. */
export interface SpooledSource {
  readonly source: RawSource;
  readonly lanes: readonly Lane[];
  readonly rows: number;
  readonly spool: Spool;
  /** The raw value at a row, as text; slow, for messages. */
  valueAt(column: string, row: number): Promise<string | undefined>;
}

/**
 * Reads all rows.
 *
 * @throws DataError for rows of an unchecked source that are broken
 * @param path file for what does not fit in `memory` bytes
 * @param onRows told the number of rows read so far
 */
export async function readSource(
  connection: DuckDBConnection,
  source: RawSource,
  lanes: readonly Lane[],
  options: { readonly path: string; readonly memory: number; readonly onRows?: (rows: number) => void },
): Promise<SpooledSource> {
  const { unchecked } = source;
  try {
    const spooled = await readLanes(connection, source, lanes, options);
    unchecked?.checkCount(spooled.rows);
    return spooled;
  } catch (cause) {
    throw unchecked === undefined ? cause : await unchecked.explain(cause);
  }
}

async function readLanes(
  connection: DuckDBConnection,
  source: RawSource,
  lanes: readonly Lane[],
  { path, memory, onRows = () => {} }: { path: string; memory: number; onRows?: (rows: number) => void },
): Promise<SpooledSource> {
  const spool = new Spool(path, memory);
  const buffers = lanes.map((lane) => makeBuffer(lane));
  const selected: string[] = [];
  const positions = lanes.map((lane) => {
    selected.push(`${lane.sql} AS lane${selected.length}`);
    if ("digestSql" in lane && lane.digestSql !== undefined) {
      selected.push(`${lane.digestSql} AS lane${selected.length}`);
      return { column: selected.length - 2, digests: selected.length - 1 };
    }
    return { column: selected.length - 1, digests: undefined };
  });
  // Without any lane the rows still count.
  if (selected.length === 0) selected.push("0");
  const result = await connection.stream(`SELECT ${selected.join(", ")} FROM ${source.sql}`);
  let rows = 0;
  let held = 0;
  const flush = (): void => {
    spool.add(
      held,
      buffers.map((buffer) => buffer.take(held)),
    );
    held = 0;
    onRows(rows);
  };
  for await (const chunk of chunksAhead(result)) {
    const count = chunk.rowCount;
    // Chunks are at most 2048 rows; a block that cannot take one whole ends a little early.
    if (held + count > BLOCK_ROWS) flush();
    for (const [k, buffer] of buffers.entries()) {
      buffer.add(chunk, positions[k].column, positions[k].digests, count, held);
    }
    held += count;
    rows += count;
  }
  if (held > 0) flush();
  return {
    source,
    lanes,
    rows,
    spool,
    async valueAt(column, row) {
      const { value } = await queryRow(
        connection,
        `SELECT CAST(${sqlName(column)} AS VARCHAR) AS value FROM ${source.sql} LIMIT 1 OFFSET ${row}`,
      );
      return value === null || value === undefined ? undefined : String(value);
    },
  };
}

/** A block's column being filled. */
interface LaneBuffer {
  add(chunk: DuckDBDataChunk, column: number, digests: number | undefined, count: number, at: number): void;
  /** The first rows as a column of their own; the buffer starts anew. */
  take(rows: number): SpooledColumn;
}

function makeBuffer(lane: Lane): LaneBuffer {
  switch (lane.kind) {
    case "key":
      return new KeyBuffer(lane as KeyLane);
    case "keys":
      return new KeyListBuffer(lane as KeyLane);
    case "number":
      return new NumberBuffer(lane as NumberLane);
    case "numbers":
      return new NumberListBuffer(lane as NumberLane);
  }
}

class KeyBuffer implements LaneBuffer {
  readonly #lane: KeyLane;
  #codes = new Int32Array(BLOCK_ROWS);

  constructor(lane: KeyLane) {
    this.#lane = lane;
  }

  add(chunk: DuckDBDataChunk, column: number, digests: number | undefined, count: number, at: number): void {
    const { table } = this.#lane;
    const width = table.type === "VARCHAR" ? 4 : 2;
    const keys = {
      ...flatWords(columnVector(chunk, column), count, width),
      digests:
        digests === undefined ? undefined : () => flatWords(columnVector(chunk, digests), count, 4).words,
      textAt: textAt(chunk, column, false),
    };
    table.encode(keys, count, this.#codes, at);
  }

  take(rows: number): SpooledColumn {
    const values = this.#codes.slice(0, rows);
    return { values, lengths: undefined };
  }
}

class NumberBuffer implements LaneBuffer {
  readonly #lane: NumberLane;
  #values = new Float64Array(BLOCK_ROWS);

  constructor(lane: NumberLane) {
    this.#lane = lane;
  }

  add(chunk: DuckDBDataChunk, column: number, _: number | undefined, count: number, at: number): void {
    const { values, valid } = flatDoubles(columnVector(chunk, column), count);
    shapeNumbers(values, valid, this.#lane, count, this.#values, at);
  }

  take(rows: number): SpooledColumn {
    return { values: this.#values.slice(0, rows), lengths: undefined };
  }
}

function shapeNumbers(
  values: Float64Array,
  valid: Uint32Array | null,
  { shape }: NumberLane,
  count: number,
  into: Float64Array,
  at: number,
): void {
  const plain = shape.clip === undefined && !shape.log;
  for (let row = 0; row < count; row++) {
    const value = values[row];
    if (!isValid(valid, row)) into[at + row] = Number.NaN;
    else if (!Number.isFinite(value)) into[at + row] = Number.POSITIVE_INFINITY;
    // Adding zero turns -0 into 0.
    else into[at + row] = (plain ? value : shapeNumber(value + 0, shape)) + 0;
  }
}

/** Where the entries of all lists stand in the child, list after list; a child may hold others, too. */
function entryPlaces(lists: ListRows, count: number): Uint32Array {
  const lengths = lengthsOf(lists, count);
  const places = new Uint32Array(lengths.reduce((sum, length) => sum + length, 0));
  let end = 0;
  for (let row = 0; row < count; row++) {
    const start = lists.entries[4 * row];
    for (let k = 0; k < lengths[row]; k++) places[end++] = start + k;
  }
  return places;
}

function lengthsOf({ entries, valid }: ListRows, count: number): Int32Array {
  const lengths = new Int32Array(count);
  for (let row = 0; row < count; row++) lengths[row] = isValid(valid, row) ? entries[4 * row + 2] : 0;
  return lengths;
}

function gatherWords(words: Int32Array, places: Uint32Array, width: number): Int32Array {
  const gathered = new Int32Array(places.length * width);
  for (let i = 0; i < places.length; i++) {
    for (let k = 0; k < width; k++) gathered[i * width + k] = words[places[i] * width + k];
  }
  return gathered;
}

function gatherValid(valid: Uint32Array | null, places: Uint32Array): Uint32Array | null {
  if (valid === null) return null;
  const gathered = new Uint32Array(Math.ceil(places.length / 32));
  for (let i = 0; i < places.length; i++) {
    if (isValid(valid, places[i])) gathered[i >>> 5] |= 1 << (i & 31);
  }
  return gathered;
}

/** Rows of lists: their lengths, and room for entries that grows. */
class Lists<Values extends Int32Array | Float64Array> {
  readonly #lengths = new Int32Array(BLOCK_ROWS);
  readonly #make: (length: number) => Values;
  #values: Values;
  #end = 0;

  constructor(make: (length: number) => Values) {
    this.#make = make;
    this.#values = make(BLOCK_ROWS);
  }

  /** Adds lists of these lengths, whose entries stand one after another. */
  add(lengths: Int32Array, entries: Values, at: number): void {
    this.#lengths.set(lengths, at);
    const end = this.#end + entries.length;
    if (end > this.#values.length) {
      const grown = this.#make(Math.max(end, this.#values.length * 2));
      grown.set(this.#values.subarray(0, this.#end));
      this.#values = grown;
    }
    this.#values.set(entries, this.#end);
    this.#end = end;
  }

  take(rows: number): SpooledColumn {
    const column = { values: this.#values.slice(0, this.#end), lengths: this.#lengths.slice(0, rows) };
    this.#end = 0;
    return column;
  }
}

class KeyListBuffer implements LaneBuffer {
  readonly #lane: KeyLane;
  readonly #lists = new Lists((length) => new Int32Array(length));

  constructor(lane: KeyLane) {
    this.#lane = lane;
  }

  add(chunk: DuckDBDataChunk, column: number, digests: number | undefined, count: number, at: number): void {
    const { table } = this.#lane;
    const width = table.type === "VARCHAR" ? 4 : 2;
    const lists = listRows(columnVector(chunk, column), count);
    const places = entryPlaces(lists, count);
    const child = flatWords(lists.child, lists.childRows, width);
    const digestWords = (): Int32Array => {
      const digestLists = listRows(columnVector(chunk, digests!), count);
      const { words } = flatWords(digestLists.child, digestLists.childRows, 4);
      return gatherWords(words, entryPlaces(digestLists, count), 4);
    };
    const text = textAt(chunk, column, true);
    const keys = {
      words: gatherWords(child.words, places, width),
      valid: gatherValid(child.valid, places),
      digests: digestWords,
      textAt: (entry: number) => text(places[entry]),
    };
    const codes = new Int32Array(places.length);
    table.encode(keys, places.length, codes, 0);
    this.#lists.add(lengthsOf(lists, count), codes, at);
  }

  take(rows: number): SpooledColumn {
    return this.#lists.take(rows);
  }
}

class NumberListBuffer implements LaneBuffer {
  readonly #lane: NumberLane;
  readonly #lists = new Lists((length) => new Float64Array(length));

  constructor(lane: NumberLane) {
    this.#lane = lane;
  }

  add(chunk: DuckDBDataChunk, column: number, _: number | undefined, count: number, at: number): void {
    const lists = listRows(columnVector(chunk, column), count);
    const places = entryPlaces(lists, count);
    const child = flatDoubles(lists.child, lists.childRows);
    const values = Float64Array.from(places, (place) => child.values[place]);
    shapeNumbers(values, gatherValid(child.valid, places), this.#lane, values.length, values, 0);
    this.#lists.add(lengthsOf(lists, count), values, at);
  }

  take(rows: number): SpooledColumn {
    return this.#lists.take(rows);
  }
}
