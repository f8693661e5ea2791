import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, DataError, type MillraceError } from "../core/index.ts";
import { openSource } from "./source.ts";
import type { RawSource, SourceSpec } from "./source-spec.ts";
import { queryRows } from "./source-sql.ts";

let connection: DuckDBConnection;
let folder: string;

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(":memory:")).connect();
  folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
});
afterAll(() => {
  connection.closeSync();
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function open(
  name: string,
  content: string | Uint8Array,
  spec: Partial<SourceSpec> = {},
): Promise<RawSource> {
  return openSource(connection, { ...spec, files: [put(name, content)] });
}

async function rowsOf(source: RawSource): Promise<unknown[][]> {
  return (await queryRows(connection, `SELECT * FROM ${source.sql}`)).map((row) => Object.values(row));
}

const typesOf = (source: RawSource): string =>
  source.columns.map((c) => `${c.name}:${c.valueType}`).join(" ");

async function failure(opening: Promise<unknown>): Promise<MillraceError> {
  try {
    await opening;
  } catch (error) {
    return error as MillraceError;
  }
  throw new Error("expected an error");
}

describe("delimited text", () => {
  test("separators, headers and quoted fields", async () => {
    const expected = [
      [1n, "x y", 0.5],
      [2n, 'a "b"', null],
    ];
    for (const [name, text] of [
      ["a.csv", 'id,name,price\n1,x y,0.5\n2,"a ""b""",\n'],
      ["b.csv", 'id\tname\tprice\r\n1\tx y\t0.5\r\n2\t"a ""b"""\t\r\n'],
      ["c.csv", 'id;name;price\n1;x y;0.5\n\n2;"a ""b""";'],
      ["d.txt", 'id|name|price\n1|x y|0.5\n2|"a ""b"""|\n'],
      ["e.dat", 'id::name::price\n1::x y::0.5\n2::"a ""b"""::\n'],
    ]) {
      const source = await open(name, text);
      expect(typesOf(source), name).toBe("id:int64 name:string price:float64");
      expect(await rowsOf(source), name).toEqual(expected);
      expect(source.rows).toBe(2);
    }
    const zipped = await open("f.csv.gz", gzipSync('id,name,price\n1,x y,0.5\n2,"a ""b""",\n'));
    expect(await rowsOf(zipped)).toEqual(expected);
  });

  test("a name over numbers makes a header, whatever comes again below it", async () => {
    const source = await open("repeated.csv", "user,b,click\nu1,b,1\nu2,x,0\n");
    expect(source.columns.map(({ name }) => name)).toEqual(["user", "b", "click"]);
    expect(source.rows).toBe(2);
    const headless = await open("headless.csv", "u1,b,NA\nu2,b,0\nu1,x,1\n");
    expect(headless.rows).toBe(3);
  });

  test("columns called as members of every object", async () => {
    const source = await open("members.csv", "constructor,toString,valueOf\n1,a,0.5\n2,b,1.5\n");
    expect(source.columns.map(({ name, valueType }) => [name, valueType])).toEqual([
      ["constructor", "int64"],
      ["toString", "string"],
      ["valueOf", "float64"],
    ]);
    const error = await failure(open("proto.csv", "__proto__,click\na,1\n"));
    expect(error.message).toContain("column 1 is called __proto__");
  });

  test("a comma and a blank separate when every comma is followed by one", async () => {
    const source = await open("census", "73, Not in universe, 0, - 50000.\n58, Self-employed, 4, 50000+.\n");
    expect((await rowsOf(source))[0]).toEqual([73n, "Not in universe", 0n, "- 50000."]);
  });

  test("line ends, byte order mark and blank lines are repaired and noted", async () => {
    const source = await open("bom.csv", "\ufeffa,b\n1,2\n\n3,4\n\n");
    expect(await rowsOf(source)).toEqual([
      [1n, 2n],
      [3n, 4n],
    ]);
    expect(source.notes.map(({ kind, count }) => [kind, count])).toEqual([
      ["byte-order-mark", 1],
      ["blank-lines", 2],
    ]);
  });

  test("identifiers stay what they are", async () => {
    const source = await open(
      "ids.csv",
      "zip,big,mixed,under,plain,neg,exp\n01234,12345678901234567890,1,1_000,5,-1,1e3\n12345,1,1.0,2,6,-2,2.5\n",
    );
    expect(typesOf(source)).toBe(
      "zip:string big:string mixed:float64 under:string plain:int64 neg:int64 exp:float64",
    );
  });

  test("the whole file decides on a type, not its start", async () => {
    const lines = Array.from({ length: 30_000 }, (_, k) => `${k},${k},${k}`);
    const source = await open("late.csv", `a,b,c\n${lines.join("\n")}\n1.5,x,\n`);
    expect(typesOf(source)).toBe("a:float64 b:string c:int64");
    expect(source.rows).toBe(30_001);
  });

  test("times, truth values, an all-null column, texts for null", async () => {
    const text = "t,flag,none,n\n2024-01-01,true,,1\n2024-01-02 10:00:00,FALSE,,NA\n";
    const source = await open("kinds.csv", text, { nullText: ["NA"] });
    expect(typesOf(source)).toBe("t:timestamp flag:boolean none:string n:int64");
    expect(source.notes.map(({ kind, column }) => [kind, column])).toEqual([["null-only", "none"]]);
    expect(await rowsOf(source)).toEqual([
      [new Date("2024-01-01T00:00:00Z"), true, null, 1n],
      [new Date("2024-01-02T10:00:00Z"), false, null, null],
    ]);
  });

  test("typed headers, header-less text, declared names and types", async () => {
    const atomic = await open("u.inter", "user_id:token\trating:float\n7\t3\n");
    expect(typesOf(atomic)).toBe("user_id:string rating:float64");
    const bare = await open("bare.tsv", "1\tx\n2\ty\n");
    expect(typesOf(bare)).toBe("column0:int64 column1:string");
    const named = await open("named.tsv", "1\tx\n2\ty\n", { columns: ["id", "v"], types: { id: "string" } });
    expect(typesOf(named)).toBe("id:string v:string");
    expect(await rowsOf(named)).toEqual([
      ["1", "x"],
      ["2", "y"],
    ]);
    const index = await open("index.csv", ",click\n0,1\n1,0\n");
    expect(typesOf(index)).toBe("column0:int64 click:int64");
  });

  test("Latin-1 when declared", async () => {
    const bytes = Buffer.from("town,n\nlogroño,1\n", "latin1");
    const error = await failure(open("latin.csv", bytes));
    expect(error).toBeInstanceOf(DataError);
    expect(error.details).toMatchObject({ row: 2, expected: "UTF-8 text" });
    expect(error.hint).toContain("latin-1");
    const source = await open("latin.csv", bytes, { encoding: "latin-1" });
    expect(await rowsOf(source)).toEqual([["logroño", 1n]]);
  });

  test("several files: same columns in the same order", async () => {
    put("part-1.csv", "a,b\n1,2\n");
    put("part-2.csv", "a,b\n3,4\n");
    const source = await openSource(connection, { files: [join(folder, "part-*.csv")] });
    expect(await rowsOf(source)).toEqual([
      [1n, 2n],
      [3n, 4n],
    ]);
    put("part-3.csv", "b,a\n3,4\n");
    const error = await failure(openSource(connection, { files: [join(folder, "part-*.csv")] }));
    expect(error.message).toContain("part-3.csv has column 1 named b, expected a as in");
  });

  test.each([
    ["no column b, which", "a,c\n1,2\n", "b"],
    ["no column b, which", "a,d,c\n1,2,3\n", "b"],
    ["a column d, which", "a,b,c,d\n1,2,3,4\n", "d"],
  ])("several files: one that has %s others treat otherwise", async (what, text, column) => {
    const files = [put("whole.csv", "a,b,c\n1,2,3\n"), put("other.csv", text)];
    const error = await failure(openSource(connection, { files }));
    expect(error.message).toContain(`${files[1]} has ${what} ${files[0]}`);
    expect(error.details).toMatchObject({ file: files[1], column });
  });

  test("several files of two formats: both are named", async () => {
    const files = [put("mixed.csv", "a,b\n1,2\n"), put("mixed.jsonl", '{"a": 1, "b": 2}\n')];
    for (const named of [files, [...files].reverse()]) {
      const error = await failure(openSource(connection, { files: named }));
      expect(error).toBeInstanceOf(DataError);
      const kinds = named[0] === files[0] ? ["jsonl", "csv"] : ["csv", "jsonl"];
      expect(error.message).toBe(
        `${named[1]} is ${kinds[0]}, and ${named[0]} is ${kinds[1]}: files of one source have one format`,
      );
    }
  });

  test.each<[string, string | Uint8Array, string, Record<string, unknown>]>([
    ["too few fields", "a,b,c\n1,2,3\n4,5\n", "line 3 has 2 fields, expected 3", { row: 3 }],
    ["too many fields", "a,b,c\n1,2,3\n4,5,6,7\n", "line 3 has 4 fields, expected 3", { row: 3 }],
    [
      "one separator too many at the end",
      "a,b,c\n1,2,3\n4,5,6,\n",
      "line 3 has 4 fields, expected 3",
      { row: 3 },
    ],
    [
      "ragged from the first row on",
      "a,b,c\n1,2\n1\n4,5,6,7\n",
      "line 2 has 2 fields, expected 3",
      { row: 2 },
    ],
    ["blanks alone", "a,b\n1,2\n  \n3,4\n", "line 3 has 1 fields, expected 2", { row: 3 }],
    [
      "an open quote",
      'a,b\n1,"x\n2,y\n',
      "a quote opened on line 2 is never closed",
      { row: 2, column: "b" },
    ],
    ["text after a quote", 'a,b\n"x"y,1\n2,y\n', "line 2 has text after a closing quote", { row: 2 }],
    ["a NUL byte", "a,b\n1,x\0y\n", "line 2 holds a NUL byte", { row: 2 }],
    [
      "invalid UTF-8",
      Buffer.from([97, 44, 98, 10, 49, 44, 0xff, 10]),
      "line 2 is not valid UTF-8",
      { row: 2 },
    ],
    ["a name twice", "a,b,a\n1,2,3\n", "columns 1 and 3 have the same name: a", { row: 1, column: "a" }],
    ["names apart by case", "a,A\n1,2\n", "columns 1 and 2 have the same name: a and A", {}],
    ["nothing", "", "is empty", {}],
    ["blank lines alone", "\n\n", "is empty", {}],
    ["a header alone", "a,b\n", "has a header and no rows", {}],
    ["a carriage return inside", "a,b\n1,x\ry\n", "line 2 holds a carriage return", { row: 2 }],
    ["a zip archive", Buffer.from([0x50, 0x4b, 3, 4, 0, 0]), "is a zip archive", {}],
    ["UTF-16", Buffer.from("\ufeffa,b\n1,2\n", "utf16le"), "is UTF-16 text", {}],
  ])("%s", async (_, content, message, details) => {
    const error = await failure(open("bad.csv", content));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(message);
    expect(error.message).toContain("bad.csv");
    expect(error.details).toMatchObject(details);
  });

  test("lines are counted as an editor does, quoted line ends and blank lines included", async () => {
    const error = await failure(open("long.csv", 'a,b\n1,"x\ny"\n\n2,3\n4\n'));
    expect(error.details).toMatchObject({ row: 6 });
  });

  test("rows are located by file and line", async () => {
    put("at-1.csv", 'a,b\n1,"x\ny"\n\n2,z\n');
    put("at-2.csv", "a,b\n3,x\n4,y\n");
    const source = await openSource(connection, { files: [join(folder, "at-*.csv")] });
    const places = await source.locate([0, 1, 3]);
    expect(places.map(({ file, row }) => [file.slice(-8), row])).toEqual([
      ["at-1.csv", 2],
      ["at-1.csv", 5],
      ["at-2.csv", 3],
    ]);
    const json = await open("at.jsonl", '{"a":1}\n\n{"a":2}\n');
    expect((await json.locate([1])).map(({ row }) => row)).toEqual([3]);
    const svm = await open("at.svm", "1 1:1\n\n0 2:1 3:1\n");
    expect((await svm.locate([1])).map(({ row }) => row)).toEqual([3]);
    await svm.close();
  });

  test("mixed line ends are refused, except inside quotes", async () => {
    for (const text of ["a,b\r\n1,2\r\n3,4\n5,6\r\n", "a,b\n1,2\n3,4\r\n5,6\n"]) {
      const error = await failure(open("mixed.csv", text));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toContain("line 3 ends differently");
    }
    const source = await open("quoted.csv", 'a,b\r\n1,"x\ny"\r\n');
    expect(await rowsOf(source)).toEqual([[1n, "x\ny"]]);
  });

  test("broken gzip files", async () => {
    const whole = gzipSync(`a,b\n${Array.from({ length: 50_000 }, (_, k) => `${k},${k * 7}`).join("\n")}\n`);
    const cut = await failure(open("cut.csv.gz", whole.subarray(0, whole.length >> 1)));
    expect(cut.message).toContain("broken or cut-off gzip file");
    const noTrailer = await failure(open("cut.csv.gz", whole.subarray(0, whole.length - 4)));
    expect(noTrailer).toBeInstanceOf(DataError);
    const flipped = Buffer.from(whole);
    flipped[whole.length - 6] ^= 1; // the check sum
    expect(await failure(open("flip.csv.gz", flipped))).toBeInstanceOf(DataError);
  });

  test("a declared type that a value does not fit names line, column and value", async () => {
    const error = await failure(
      open("typed.csv", "id,price\n1,2\n\n2,free\n3,1.5\n", { types: { price: "int64" } }),
    );
    expect(error.message).toContain('line 4, column price: "free" is no int64');
    expect(error.details).toMatchObject({ row: 4, column: "price", received: "free", count: 2 });
    const unknown = await failure(open("typed.csv", "id,price\n1,2\n", { types: { pirce: "int64" } }));
    expect(unknown).toBeInstanceOf(ConfigError);
    expect(unknown.hint).toBe("did you mean price?");
  });

  test("missing files, directories and addresses", async () => {
    put("clicks.csv", "a,b\n1,2\n");
    const missing = await failure(openSource(connection, { files: [join(folder, "click.csv")] }));
    expect(missing.hint).toContain("clicks.csv");
    const glob = await failure(openSource(connection, { files: [join(folder, "nothing-*.csv")] }));
    expect(glob.message).toContain("no file matches");
    expect((await failure(openSource(connection, { files: [folder] }))).message).toContain("is a directory");
    expect(await failure(openSource(connection, { files: ["s3://bucket/x.csv"] }))).toBeInstanceOf(
      ConfigError,
    );
  });
});

describe("JSON lines", () => {
  test("types over the whole file, missing keys, lists", async () => {
    const source = await open(
      "a.jsonl",
      '{"id": -1, "x": 1, "tags": ["a", "b"], "h": [1, 2], "mixed": 7, "big": 12345678901234567890123, "o": {"k": 1}}\n' +
        '{"id": 2, "x": 2.5, "tags": [], "mixed": "seven", "t": "2024-01-01"}\n\n{"id": 3, "x": null, "ok": true}',
    );
    expect(typesOf(source)).toBe(
      "id:int64 x:float64 tags:list h:list mixed:string big:string o:string t:timestamp ok:boolean",
    );
    expect(source.rows).toBe(3);
    const rows = await queryRows(connection, `SELECT x, tags, mixed, big, ok FROM ${source.sql}`);
    expect(rows).toEqual([
      { x: 1, tags: ["a", "b"], mixed: "7", big: "12345678901234567890123", ok: null },
      { x: 2.5, tags: [], mixed: "seven", big: null, ok: null },
      { x: null, tags: null, mixed: null, big: null, ok: true },
    ]);
    expect(source.notes.map(({ kind }) => kind)).toEqual(["blank-lines", "nested"]);
  });

  test.each<[string, string | Uint8Array, string, Record<string, unknown>]>([
    ["cut off", '{"a": 1}\n{"a": ', "line 2 is no valid JSON", { row: 2 }],
    ["two objects on a line", '{"a": 1}\n{"a": 2} {"a": 3}\n', "line 2 is no valid JSON", { row: 2 }],
    ["an array", '[{"a": 1}]\n', "line 1 is no JSON object", { row: 1 }],
    ["a bare null", '{"a": 1}\nnull\n', "line 2 is no JSON object", { row: 2 }],
    ["a key twice", '{"a": 1}\n\n{"a": 1, "a": 2}\n', "line 3 has the key a twice", { row: 3, column: "a" }],
    ["keys apart by case", '{"a": 1, "A": 2}\n', "have the same name", {}],
    [
      "invalid UTF-8",
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      "line 1 is not valid UTF-8",
      { row: 1 },
    ],
    [
      "half a surrogate pair",
      '{"a": "x"}\n{"a": "\\ud800"}\n',
      "line 2 holds half of a surrogate",
      { row: 2 },
    ],
    ["nothing", "", "is empty", {}],
  ])("%s", async (_, content, message, details) => {
    const error = await failure(open("bad.jsonl", content));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(message);
    expect(error.details).toMatchObject(details);
  });

  test("declared types are checked, not bent to", async () => {
    const error = await failure(open("typed.jsonl", '{"n": 1}\n{"n": 1.7}\n', { types: { n: "int64" } }));
    expect(error.message).toContain('line 2, column n: "1.7" is no int64');
    const source = await open("text.jsonl", '{"n": "1.5"}\n{"n": 2}\n', { types: { n: "float64" } });
    expect(await rowsOf(source)).toEqual([[1.5], [2]]);
  });
});

describe("Parquet", () => {
  const write = async (name: string, select: string): Promise<string> => {
    const path = join(folder, name);
    await connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
    return path;
  };

  test("types that others do not know are read without loss", async () => {
    const path = await write(
      "types.parquet",
      `SELECT 1::UBIGINT AS small, 18446744073709551615::UBIGINT AS big, 1.25::DECIMAL(9, 2) AS price,
              [1, 2] AS ids, {'k': 1} AS o, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t, DATE '2024-01-01' AS d,
              true AS b, 'x' AS s, 1.5::FLOAT AS f`,
    );
    const source = await openSource(connection, { files: [path] });
    expect(typesOf(source)).toBe(
      "small:int64 big:string price:float64 ids:list o:string t:timestamp d:timestamp b:boolean s:string f:float64",
    );
    const [row] = await queryRows(connection, `SELECT big, price, t, d FROM ${source.sql}`);
    expect(row).toEqual({
      big: "18446744073709551615",
      price: 1.25,
      t: new Date("2024-01-01T00:00:00Z"),
      d: new Date("2024-01-01T00:00:00Z"),
    });
  });

  test("a truncated file, no rows, files that differ", async () => {
    const path = await write("n.parquet", "SELECT range AS a FROM range(1000)");
    const { readFileSync } = await import("node:fs");
    const bytes = readFileSync(path);
    const cut = await failure(open("cut.parquet", bytes.subarray(0, bytes.length - 100)));
    expect(cut).toBeInstanceOf(DataError);
    expect(cut.message).toContain("cut.parquet");
    const none = await write("none.parquet", "SELECT range AS a FROM range(0)");
    expect((await failure(openSource(connection, { files: [none] }))).message).toContain("no rows");
    const other = await write("other.parquet", "SELECT range::DOUBLE AS a FROM range(10)");
    const error = await failure(openSource(connection, { files: [path, other] }));
    expect(error.message).toContain("other.parquet: column a is DOUBLE, in");
  });
});

describe("libsvm and libfm", () => {
  test("one-hot ids in field order become fields", async () => {
    const source = await open("x.libfm", "1 0:1 5:1 9:1\n-1 1:1 4:1 9:1\n\n1 2:1 4:1 8:1\n");
    expect(typesOf(source)).toBe("label:float64 f0:int64 f1:int64 f2:int64");
    expect(await rowsOf(source)).toEqual([
      [1, 0n, 5n, 9n],
      [-1, 1n, 4n, 9n],
      [1, 2n, 4n, 8n],
    ]);
    await source.close();
    const named = await open("x.libfm", "1 0:1 5:1\n-1 1:1 4:1\n", { columns: ["user", "item"] });
    expect(typesOf(named)).toBe("label:float64 user:int64 item:int64");
    await named.close();
  });

  test("anything else becomes lists", async () => {
    const source = await open("x.svm", "+1 1:0.5 3:1e-2 # why\n-1\t7:2\r\n".replaceAll("\r\n", "\n"));
    expect(await rowsOf(source)).toEqual([
      [1, [1n, 3n], [0.5, 0.01]],
      [-1, [7n], [2]],
    ]);
    await source.close();
  });

  test("a line that is none", async () => {
    const error = await failure(open("bad.svm", "1 1:1\n1 a:1\n"));
    expect(error.message).toContain('line 2 is not "label index:value');
    expect(error.details).toMatchObject({ row: 2, count: 1 });
  });
});
