/**
 * How a delimited text file is written: separator, header, field count. Decided by an own exact look at
 * its first lines, so that the reader behind can be told everything and guesses nothing. Quoting is
 * RFC 4180: fields may stand in double quotes, a quote inside is doubled.
 */
import { DataError } from "../core/index.ts";
import { readHead } from "./source-format.ts";
import type { SourceSpec } from "./source-spec.ts";

export interface Dialect {
  readonly separator: string;
  readonly header: boolean;
  /** Names as the header gives them; undefined without a header. */
  readonly names: readonly string[] | undefined;
  readonly fieldCount: number;
  readonly byteOrderMark: boolean;
}

/** Lines of the head that vote on the separator. */
const VOTING_LINES = 200;
const SEPARATORS = [",", "\t", ";", "|", "::", " "];

/** A file's first records as cut by one separator; a record that the head cuts off is left out. */
export function splitRecords(text: string, separator: string, limit: number, whole: boolean): string[][] {
  const records: string[][] = [];
  let fields: string[] = [];
  let field = "";
  let quoted = false;
  let atStart = true;
  let k = 0;
  const endRecord = (): void => {
    fields.push(field);
    if (fields.length > 1 || fields[0].trim() !== "") records.push(fields);
    fields = [];
    field = "";
    atStart = true;
  };
  while (k < text.length && records.length < limit) {
    const letter = text[k];
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[k + 1] === '"') {
        field += '"';
        k++;
      } else quoted = false;
      k++;
    } else if (letter === '"' && atStart) {
      quoted = true;
      atStart = false;
      k++;
    } else if (text.startsWith(separator, k)) {
      fields.push(field);
      field = "";
      atStart = true;
      k += separator.length;
    } else if (letter === "\n" || letter === "\r") {
      k += letter === "\r" && text[k + 1] === "\n" ? 2 : 1;
      endRecord();
    } else {
      field += letter;
      atStart = false;
      k++;
    }
  }
  const unfinished = fields.length > 0 || field !== "";
  if (unfinished && whole && records.length < limit) endRecord();
  return records;
}

/**
 * Looks at a file's head.
 *
 * @throws DataError for an empty file
 */
export function sniffDialect(path: string, format: "csv" | "tsv", spec: SourceSpec): Dialect {
  const { bytes, whole } = readHead(path);
  const byteOrderMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = bytes
    .subarray(byteOrderMark ? 3 : 0)
    .toString(spec.encoding === "latin-1" ? "latin1" : "utf8");
  if (text.trim() === "") {
    throw new DataError(`${path} is empty`, {
      details: { file: path, expected: "a header and rows", received: `${bytes.length} bytes` },
    });
  }
  const separator = spec.separator ?? chooseSeparator(text, format, whole);
  const records = splitRecords(text, separator, VOTING_LINES, whole);
  const first = records[0] ?? splitRecords(text, separator, 1, true)[0] ?? [text];
  const header =
    spec.header ?? (spec.columns === undefined ? looksLikeHeader(records) : sameNames(first, spec.columns));
  return {
    separator,
    header,
    names: header ? first : undefined,
    // Without a header the usual length stands for all, so that a ragged first line is the one reported.
    fieldCount: header
      ? first.length
      : (spec.columns?.length ?? usualLength(records.length === 0 ? [first] : records)),
    byteOrderMark,
  };
}

function sameNames(first: readonly string[], columns: readonly string[]): boolean {
  return first.length === columns.length && first.every((name, k) => name.trim() === columns[k]);
}

/**
 * The separator under which most lines have one same number of fields (two or more). Agreement in all
 * lines decides; among equals the file name's own separator, then the order of SEPARATORS.
 */
function chooseSeparator(text: string, format: "csv" | "tsv", whole: boolean): string {
  const own = format === "tsv" ? "\t" : ",";
  const candidates = [own, ...SEPARATORS.filter((separator) => separator !== own)];
  let best = own;
  let bestAgreement = 0;
  for (const separator of candidates) {
    const records = splitRecords(text, separator, VOTING_LINES, whole);
    if (records.length === 0) continue;
    const length = usualLength(records);
    if (length < 2) continue;
    const agreement = records.filter((fields) => fields.length === length).length / records.length;
    // Half of the lines at least: a stray comma in a few lines of one-column text is no separator.
    if (agreement > bestAgreement && agreement >= 0.5) {
      best = separator;
      bestAgreement = agreement;
    }
  }
  if (best === "," && everyCommaHasSpace(text, whole)) return ", ";
  return best;
}

/** "a, b, c": the blank belongs to the separator when every field but the first starts with one. */
function everyCommaHasSpace(text: string, whole: boolean): boolean {
  const byComma = splitRecords(text, ",", VOTING_LINES, whole);
  return (
    byComma.length > 0 && byComma.every((fields) => fields.slice(1).every((field) => /^ \S/.test(field)))
  );
}

function usualLength(records: readonly (readonly string[])[]): number {
  const counts = new Map<number, number>();
  for (const fields of records) counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1);
  let best = 1;
  let bestCount = 0;
  for (const [length, count] of counts) {
    if (count > bestCount) {
      best = length;
      bestCount = count;
    }
  }
  return best;
}

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
/** What stands for a missing number. */
const NO_NUMBER =
  /^\s*(n\/?a|nan|null|nil|none|[+-]?inf(inity)?|missing|unknown|undefined|[?.*\\]n?|-+)\s*$/i;

/**
 * A first line is a header when none of its fields is empty (the first may be, as data frames write
 * their index), a number or said twice, and it does not look like the lines below: a column holds
 * numbers everywhere but there, or none of its fields comes again in its own column.
 */
function looksLikeHeader(records: readonly (readonly string[])[]): boolean {
  const [first, ...rest] = records;
  if (first === undefined) return true;
  if (first.some((field, k) => NUMBER.test(field) || (k > 0 && field.trim() === ""))) return false;
  if (
    new Set(first).size < first.length &&
    rest.some((fields) => fields.some((field) => NUMBER.test(field)))
  ) {
    return true; // names said twice over numbers: a header, and a broken one
  }
  const overNumbers = first.some((field, k) => {
    const below = rest.map((fields) => fields[k] ?? "").filter((value) => value.trim() !== "");
    return !NO_NUMBER.test(field) && below.length > 0 && below.every((value) => NUMBER.test(value));
  });
  return overNumbers || !rest.some((fields) => fields.some((field, k) => field !== "" && field === first[k]));
}
