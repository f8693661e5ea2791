/**
 * Records of delimited text one by one, with the physical line each starts on. Slow and exact; used to
 * say where something is when the fast reader has found that something is wrong. Fields may stand in
 * double quotes, a quote inside is doubled; blanks around a quoted field are dropped.
 */
import { readLineBlocks } from "./source-scan.ts";

export interface TextRecord {
  /** 1-based physical line of the record's first byte. */
  readonly line: number;
  readonly fields: readonly string[];
  /** The line end after it; none after a last record without one. */
  readonly ending: "\n" | "\r\n" | "";
  /** What breaks RFC 4180 in it. */
  readonly defect: "unterminated-quote" | "text-after-quote" | "lone-return" | undefined;
}

/** Records of a file. A blank line is no record, except in a file of one column. */
export async function* readRecords(
  path: string,
  {
    separator,
    encoding,
    oneColumn,
  }: { separator: string; encoding: "utf-8" | "latin-1"; oneColumn: boolean },
): AsyncGenerator<TextRecord> {
  const decoder = new TextDecoder(encoding === "latin-1" ? "latin1" : "utf-8");
  let carried = "";
  let carriedLine = 1;
  for await (const { block, line } of readLineBlocks(path)) {
    const text = carried + decoder.decode(block);
    let at = 0;
    let atLine = carried === "" ? line : carriedLine;
    while (at < text.length) {
      const record = cutRecord(text, at, separator);
      // A quote still open at the end of the block may close in the next one.
      if (record.defect === "unterminated-quote" && text.length - at < 1 << 20) break;
      if (record.fields.length > 1 || record.fields[0] !== "" || oneColumn) {
        yield { line: atLine, fields: record.fields, ending: record.ending, defect: record.defect };
      }
      atLine += record.lineEnds;
      at = record.end;
    }
    carried = text.slice(at);
    carriedLine = atLine;
  }
  if (carried !== "") {
    const { fields, ending, defect } = cutRecord(carried, 0, separator);
    yield { line: carriedLine, fields, ending, defect };
  }
}

interface CutRecord {
  readonly fields: string[];
  readonly defect: TextRecord["defect"];
  readonly ending: TextRecord["ending"];
  readonly end: number;
  readonly lineEnds: number;
}

function cutRecord(text: string, from: number, separator: string): CutRecord {
  const fields: string[] = [];
  let defect: TextRecord["defect"];
  let lineEnds = 0;
  let k = from;
  for (;;) {
    // A field starts here.
    let first = k;
    while (text[first] === " " && separator !== " ") first++;
    if (text[first] === '"') {
      let field = "";
      k = first + 1;
      let closed = false;
      while (k < text.length) {
        if (text[k] === '"' && text[k + 1] === '"') {
          field += '"';
          k += 2;
        } else if (text[k] === '"') {
          closed = true;
          k++;
          break;
        } else {
          if (text[k] === "\n") lineEnds++;
          field += text[k++];
        }
      }
      fields.push(field);
      if (!closed) return { fields, defect: "unterminated-quote", ending: "", end: k, lineEnds };
      while (text[k] === " " && !text.startsWith(separator, k)) k++;
      const atEnd = k >= text.length || text[k] === "\n" || text[k] === "\r";
      if (!atEnd && !text.startsWith(separator, k)) {
        defect ??= "text-after-quote";
        while (k < text.length && text[k] !== "\n" && !text.startsWith(separator, k)) k++;
      }
    } else {
      const start = k;
      while (k < text.length && text[k] !== "\n" && !text.startsWith(separator, k)) {
        if (text[k] === "\r") {
          if (text[k + 1] === "\n") break;
          if (k + 1 < text.length) defect ??= "lone-return";
        }
        k++;
      }
      fields.push(text.slice(start, k));
    }
    if (k < text.length && text.startsWith(separator, k)) {
      k += separator.length;
      continue;
    }
    const ending = text.startsWith("\r\n", k) ? "\r\n" : text[k] === "\n" ? "\n" : "";
    if (ending !== "") lineEnds++;
    // A carriage return may be the file's last byte.
    return { fields, defect, ending, end: ending === "" ? text.length : k + ending.length, lineEnds };
  }
}
