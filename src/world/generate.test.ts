/** What `generateWorld` writes: the files agree with the law, with one another and with the manifest. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, DataError } from "../core/index.ts";
import { parseDataConfig } from "../data/index.ts";
import { exampleConfig } from "./example-config.ts";
import { generateWorld, type WorldProgress } from "./generate.ts";
import { daySeconds, slateSize } from "./law.ts";
import { readWorldManifest, splitNames, type WorldManifest } from "./manifest.ts";
import { resolveWorldOptions, type WorldOptions } from "./options.ts";

const options: WorldOptions = {
  seed: 11,
  users: 200,
  items: 400,
  impressions: 6_000,
  candidates: 20,
  maxHistory: 7,
};
const scratch = mkdtempSync(join(tmpdir(), "world-test-"));
const directory = join(scratch, "world");
let manifest: WorldManifest;
const progress: WorldProgress[] = [];

beforeAll(async () => {
  manifest = await generateWorld(options, directory, {
    threads: 2,
    onProgress: (step) => progress.push(step),
  });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Row = Record<string, unknown>;

async function rowsOf(sql: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(sql);
  const rows = reader.getRowObjectsJS() as Row[];
  connection.closeSync();
  return rows;
}

const file = (name: string, world = directory) => `'${join(world, `${name}.parquet`)}'`;
const everySplit = `(${splitNames.map((name) => `SELECT * FROM ${file(name)}`).join(" UNION ALL ")})`;

describe("the splits", () => {
  test("hold the rows that were asked for, by day", async () => {
    let total = 0;
    for (const name of splitNames) {
      const { oracle, requests, firstDay, endDay } = manifest.splits[name];
      const [row] = await rowsOf(
        `SELECT count(*)::INT AS n, min(day)::INT AS first, max(day)::INT AS last, sum(click)::INT AS clicks FROM ${file(name)}`,
      );
      expect(row.n).toBe(oracle.rows);
      expect(row.n).toBe(requests * slateSize);
      expect(Number(row.clicks) / Number(row.n)).toBeCloseTo(oracle.clickRate, 12);
      expect(Number(row.first)).toBeGreaterThanOrEqual(firstDay);
      expect(Number(row.last)).toBeLessThan(endDay);
      total += oracle.rows;
    }
    expect(total).toBe(6_000);
    expect(manifest.splits.test.endDay).toBe(19);
  });

  test("are in time order, positions 1 to 10 within a request", async () => {
    for (const name of splitNames) {
      const rows = await rowsOf(`SELECT request_id, position, time, day, hour, user_id FROM ${file(name)}`);
      const wrong = rows.filter((row, i) => {
        const time = Number(row.time);
        return (
          row.position !== (i % slateSize) + 1 ||
          row.request_id !== rows[i - (i % slateSize)].request_id ||
          (i > 0 && time < Number(rows[i - 1].time)) ||
          row.day !== Math.floor(time / daySeconds) ||
          row.hour !== Math.floor((time % daySeconds) / 3600)
        );
      });
      expect(wrong).toEqual([]);
    }
  });

  test("have the columns the manifest lists, none of them empty but the delay", async () => {
    const [first] = await rowsOf(`SELECT * FROM ${file("train")} LIMIT 1`);
    expect(Object.keys(first)).toEqual(manifest.columns);
    const counts = manifest.columns.map((name) => `count("${name}")::INT AS "${name}"`).join(", ");
    const [present] = await rowsOf(`SELECT ${counts} FROM ${everySplit}`);
    for (const name of manifest.columns) {
      if (name === "conversion_delay") expect(Number(present[name])).toBeLessThan(6_000);
      else expect(present[name]).toBe(6_000);
    }
  });

  test("carry truths strictly between 0 and 1, and positive propensities", async () => {
    const truths = ["true_click", "true_like", "true_conversion", "true_conversion_given_click", "true_hide"];
    const all = [...truths, "propensity", "maturity"];
    const [range] = await rowsOf(
      `SELECT ${all.map((name) => `min(${name}) AS low_${name}, max(${name}) AS high_${name}`).join(", ")} FROM ${everySplit}`,
    );
    for (const name of all) {
      expect(Number(range[`low_${name}`])).toBeGreaterThan(0);
      expect(Number(range[`high_${name}`])).toBeLessThanOrEqual(1);
    }
  });

  test("a history is the user's earlier clicks, the most recent last, cut to the longest allowed", async () => {
    const rows = await rowsOf(
      `SELECT user_id, time, item_id, category, click, history_items, history_categories, history_times FROM ${everySplit} ORDER BY time, request_id, position`,
    );
    const clicks = new Map<unknown, Row[]>();
    let longest = 0;
    for (let first = 0; first < rows.length; first += slateSize) {
      const slate = rows.slice(first, first + slateSize);
      const own = clicks.get(slate[0].user_id) ?? [];
      const past = own.slice(-7);
      const expected = {
        history_items: past.map((click) => click.item_id),
        history_categories: past.map((click) => click.category),
        history_times: past.map((click) => click.time),
      };
      expect(slate[0]).toMatchObject(expected);
      expect(slate[slateSize - 1]).toMatchObject(expected);
      expect(past.every((click) => Number(click.time) < Number(slate[0].time))).toBe(true);
      longest = Math.max(longest, past.length);
      clicks.set(slate[0].user_id, [...own, ...slate.filter((row) => row.click === 1)]);
    }
    expect(longest).toBe(7);
  });

  test("fields agree with the tables of users and items", async () => {
    const [row] = await rowsOf(`SELECT count(*)::INT AS n FROM ${everySplit} l
      JOIN ${file("users")} u USING (user_id) JOIN ${file("items")} i USING (item_id)
      WHERE l.age = u.age AND l.city = u.city AND l.device = u.device AND l.gender = u.gender
        AND l.category = i.category AND l.subcategory = i.subcategory AND l.price = i.price
        AND l.advertiser = i.advertiser AND l.format = i.format
        AND l.item_age = l.day - i.birth_day AND l.item_age >= 0
        AND (i.retirement_day IS NULL OR l.day < i.retirement_day)`);
    expect(row.n).toBe(6_000);
  });

  test("late conversions are not seen when their split ends, as often as maturity says", async () => {
    const rows = await rowsOf(
      `SELECT day, time, conversion, conversion_seen, conversion_delay, maturity FROM ${file("train")}`,
    );
    const end = 14 * daySeconds;
    const wrong = rows.filter(({ time, conversion, conversion_seen, conversion_delay, maturity }) => {
      const left = end - Number(time);
      const seen = conversion === 1 && Number(conversion_delay) <= left;
      return (
        Math.abs(Number(maturity) - (1 - Math.exp(-left / (1.5 * daySeconds)))) > 1e-6 ||
        conversion_seen !== (seen ? 1 : 0) ||
        (conversion === 0) !== (conversion_delay === null)
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe("the sidecars", () => {
  test("hold content vectors and titles of four to eight words", async () => {
    const items = await rowsOf(`SELECT title, content, price, bid FROM ${file("items")} ORDER BY item_id`);
    expect(items.length).toBe(400);
    for (const { title, content, price, bid } of items) {
      const words = String(title).split(" ").length;
      expect(words >= 4 && words <= 8).toBe(true);
      expect(content).toHaveLength(32);
      expect(Number(price)).toBeGreaterThan(0);
      expect(Number(bid)).toBeGreaterThan(0);
    }
  });

  test("titles tell the category: items share more words within one", async () => {
    const items = await rowsOf(`SELECT category, title FROM ${file("items")} ORDER BY item_id`);
    const words = items.map(({ title }) => new Set(String(title).split(" ").slice(1)));
    let same = 0;
    let other = 0;
    for (let a = 0; a < 200; a++) {
      for (let b = a + 1; b < 200; b++) {
        const shared = [...words[a]].some((word) => words[b].has(word)) ? 1 : 0;
        if (items[a].category === items[b].category) same += shared;
        else other += shared;
      }
    }
    expect(same).toBeGreaterThan(100);
    expect(other).toBe(0);
  });

  test("candidates come with the features of the log and truths, and begin with the slate", async () => {
    const candidates = await rowsOf(`SELECT * FROM ${file("candidates")}`);
    expect(candidates.length).toBe(manifest.sidecars.candidates.rows);
    const perRequest = new Map<unknown, number>();
    for (const { request_id } of candidates)
      perRequest.set(request_id, (perRequest.get(request_id) ?? 0) + 1);
    expect([...new Set(perRequest.values())]).toEqual([20]);
    expect(perRequest.size).toBeGreaterThan(30);
    expect(perRequest.size).toBeLessThan(95);
    const [shown] = await rowsOf(`SELECT count(*)::INT AS n FROM ${file("candidates")} c JOIN ${everySplit} l
      ON c.request_id = l.request_id AND c.shown_position = l.position
      WHERE c.item_id = l.item_id AND c.time = l.time AND c.history_items = l.history_items AND c.hour = l.hour`);
    expect(shown.n).toBe(perRequest.size * slateSize);
    const labels = ["click", "like", "conversion", "hide", "dwell"];
    for (const name of labels) expect(candidates[0]).not.toHaveProperty(name);
  });

  test("truth stands in files of its own", async () => {
    const users = await rowsOf(`SELECT * FROM ${file("truth_users")} LIMIT 3`);
    expect(users[0].taste).toHaveLength(16);
    expect(users[0].domain_taste).toHaveLength(48);
    const fields = manifest.columns.filter((name) => !name.startsWith("true_"));
    expect(fields).not.toContain("quality");
  });
});

describe("the manifest", () => {
  test("comes back as it was written, with every option", () => {
    expect(readWorldManifest(directory)).toEqual(manifest);
    expect(manifest.options).toEqual(resolveWorldOptions(options));
  });

  test("is missed where there is none", () => {
    expect(() => readWorldManifest(scratch)).toThrow(DataError);
    expect(() => readWorldManifest(scratch)).toThrow(/holds no world/);
  });

  test("is refused when it is another thing", () => {
    const other = join(scratch, "other");
    mkdirSync(other);
    writeFileSync(join(other, "manifest.json"), `{"format": "something-else"}`);
    expect(() => readWorldManifest(other)).toThrow(/not a world's manifest: format/);
  });
});

describe("generation", () => {
  test.each([1, 3])("gives the same bytes with %d threads", async (threads) => {
    const again = join(scratch, `threads-${threads}`);
    expect(await generateWorld(options, again, { threads })).toEqual(manifest);
    const names = readdirSync(directory).sort();
    expect(readdirSync(again).sort()).toEqual(names);
    for (const name of names) {
      expect([name, readFileSync(join(again, name)).equals(readFileSync(join(directory, name)))]).toEqual([
        name,
        true,
      ]);
    }
  });

  test("gives another world for another seed", async () => {
    const other = await generateWorld({ ...options, seed: 12 }, join(scratch, "seed"), { threads: 1 });
    for (const [part, hash] of Object.entries(other.hashes)) expect(hash).not.toBe(manifest.hashes[part]);
  });

  test("tells how far it is", () => {
    expect(progress.filter(({ phase }) => phase === "simulate").at(-1)?.done).toBe(1);
    expect(progress.at(-1)).toEqual({ phase: "write", what: "candidates", done: 1 });
  });

  test("refuses options that leave too few items alive", async () => {
    const starved = { ...options, churn: 0.5, items: 200, candidates: 40 };
    await expect(generateWorld(starved, join(scratch, "starved"))).rejects.toThrow(ConfigError);
    await expect(generateWorld(starved, join(scratch, "starved"))).rejects.toThrow(/only \d+ items live/);
  });
});

describe("exampleConfig", () => {
  test("is a valid data config that shows models no truth", () => {
    for (const features of ["fields", "history"] as const) {
      const config = parseDataConfig(exampleConfig(directory, { features, labels: ["click", "like"] }));
      expect(config.data.keep).toEqual(["true_click", "true_like"]);
      expect(config.group).toBe("user_id");
      const columns = config.features.map(({ name, column }) => column ?? name);
      for (const column of columns) expect(manifest.columns).toContain(column);
      expect(columns.filter((name) => /true_|propensity|by_affinity|click|dwell/.test(name))).toEqual([]);
      expect(columns.includes("history_items")).toBe(features === "history");
    }
  });
});
