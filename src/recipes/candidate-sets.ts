/**
 * Candidate sets of a generated world as an early stage learns from them and is measured on them: whole
 * requests, scored by a final model. What is trained on is one table a split,
 *
 *     impressions      labels as they came, weight 1
 *     candidates       a sample of each kept request's, no labels (0), weight 0
 *
 * both with the final model's predictions as `soft_<label>`, their logits as `logit_<label>`, and the bid, in time order with a request's rows
 * together. The final model scores everything at position 1, as a server would. The requests of validation and
 * test days are written whole, to be measured on.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeJsonAtomic } from "../core/node/index.ts";
import { encodeForMap, type EncodedSource, sqlText, writeScores } from "../data/index.ts";
import type { Engine } from "../engine/index.ts";
import { type OpenRun, openRun, runFiles } from "../run/index.ts";
import type { FeatureMap } from "../schema/index.ts";
import { predictRows } from "../training/index.ts";
import { readWorldManifest } from "../world/index.ts";
import { withDatabase, writeParquet } from "./made-tables.ts";

export interface CandidateSetOptions {
  /** Directory of a generated world. */
  readonly world: string;
  /** Directory of the final model's run. */
  readonly final: string;
  /** Where the tables go. */
  readonly directory: string;
  /** Labels that the final model predicts and an early one learns. */
  readonly labels: readonly string[];
  /** Candidates of each request of the training days that are learned from. @default 64 */
  readonly perRequest?: number;
  /** Draws them. @default 1 */
  readonly seed?: number;
  readonly engine: Engine;
}

export interface CandidateSets {
  /** Impressions alone, all of weight 1. */
  readonly impressions: { readonly train: string; readonly valid: string; readonly test: string };
  /** Impressions of the training days with candidates among them. */
  readonly mixed: string;
  /** All candidates of kept requests, request by request. */
  readonly candidates: { readonly valid: string; readonly test: string };
  /** Version of the final model whose predictions the soft labels are. */
  readonly finalVersion: string;
}

const splits = ["train", "valid", "test"] as const;

/** Scores and writes the tables, unless they are there from the same final model. */
export async function writeCandidateSets(options: CandidateSetOptions): Promise<CandidateSets> {
  const { world, final, directory, labels, perRequest = 64, seed = 1, engine } = options;
  const run = openRun(final);
  const at = (name: string): string => join(directory, `${name}.parquet`);
  const sets: CandidateSets = {
    impressions: {
      train: at("impressions-train"),
      valid: at("impressions-valid"),
      test: at("impressions-test"),
    },
    mixed: at("mixed-train"),
    candidates: { valid: at("candidates-valid"), test: at("candidates-test") },
    finalVersion: versionOf(run),
  };
  const made = join(directory, "made.json");
  const from = {
    finalVersion: sets.finalVersion,
    labels,
    perRequest,
    seed,
    world: readWorldManifest(world).options,
  };
  if (existsSync(made) && JSON.stringify(readJson(made)) === JSON.stringify(from)) return sets;
  mkdirSync(directory, { recursive: true });
  await withDatabase(async (connection) => {
    const parquet = (name: string): string =>
      `read_parquet(${sqlText(join(world, name))}, file_row_number = true)`;
    const copy = (sql: string, path: string): Promise<void> => writeParquet(connection, sql, path);
    const soft = async (name: string, sql: string): Promise<string> => {
      const [raw, scored] = [at(`raw-${name}`), at(`scored-${name}`)];
      await copy(sql, raw);
      await scoreFile(run, raw, scored, engine);
      const columns = labels
        .flatMap((label) => {
          const p = `s.${outputOf(run, label)}`;
          // Of rounding to 0 or 1 the logit must not make an infinity.
          const inside = `greatest(1e-6, least(1 - 1e-6, ${p}))`;
          return [`${p} AS soft_${label}`, `ln(${inside} / (1 - ${inside})) AS logit_${label}`];
        })
        .join(", ");
      return `SELECT r.* EXCLUDE (file_row_number), ${columns}
        FROM read_parquet(${sqlText(raw)}, file_row_number = true) r
        JOIN read_parquet(${sqlText(scored)}) s ON s.row = r.file_row_number + 1`;
    };
    const bids = `(SELECT item_id, bid FROM read_parquet(${sqlText(join(world, "items.parquet"))}))`;
    const named = labels.map((label) => `"${label}"`).join(", ");
    const common = `request_id, user_id, age, gender, city, device, item_id, category, subcategory, advertiser, format,
      price, item_age, domain, day, hour, time, history_items, history_categories, history_times, bid`;
    const { trainDays, validDays } = readWorldManifest(world).options;
    for (const split of splits) {
      const sql = `SELECT ${common}, 1 AS position, ${named}, 1.0 AS impression, position AS place
        FROM ${parquet(`${split}.parquet`)} JOIN ${bids} USING (item_id) ORDER BY time, request_id, place`;
      await copy(
        `${await soft(`impressions-${split}`, sql)} ORDER BY time, request_id, place`,
        sets.impressions[split],
      );
    }
    const truths = labels.map((label) => `true_${label}`).join(", ");
    const all = `SELECT ${common}, position, ${truths} FROM ${parquet("candidates.parquet")} JOIN ${bids} USING (item_id)`;
    const drawn = `SELECT * EXCLUDE (nth) FROM (SELECT *, row_number() OVER
      (PARTITION BY request_id ORDER BY hash(item_id, request_id, ${seed}), item_id) AS nth
      FROM (${all} WHERE day < ${trainDays})) WHERE nth <= ${perRequest} ORDER BY time, request_id, item_id`;
    const none = labels.map((label) => `0 AS "${label}"`).join(", ");
    const softs = labels.flatMap((label) => [`soft_${label}`, `logit_${label}`]).join(", ");
    const candidates = `SELECT ${common}, position, ${none}, 0.0 AS impression, 100 + item_id AS place, ${softs}
      FROM (${await soft("candidates-train", drawn)})`;
    const shown = `SELECT ${common}, position, ${named}, impression, place, ${softs}
      FROM read_parquet(${sqlText(sets.impressions.train)})`;
    await copy(`${shown} UNION ALL ${candidates} ORDER BY time, request_id, place`, sets.mixed);
    const days = {
      valid: `day >= ${trainDays} AND day < ${trainDays + validDays}`,
      test: `day >= ${trainDays + validDays}`,
    };
    for (const split of ["valid", "test"] as const) {
      await copy(`${all} WHERE ${days[split]} ORDER BY request_id, item_id`, sets.candidates[split]);
    }
  });
  writeJsonAtomic(made, from);
  return sets;
}

function outputOf({ predictions }: OpenRun, label: string): string {
  return `"${predictions[label]}"`;
}

/** Twelve hexadecimal digits of a hash over the run's graph and tables. */
function versionOf({ directory, tables }: OpenRun): string {
  const hash = createHash("sha256").update(readFileSync(join(directory, runFiles.model)));
  for (const { data } of tables) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest("hex").slice(0, 12);
}

/** What `millrace predict` writes: the row's number and a column a label. */
async function scoreFile(run: OpenRun, file: string, output: string, engine: Engine): Promise<void> {
  const predictor = await run.load(engine);
  const source = await encodeForMap(run.map, { files: [file] }, { cacheDir: run.config.data.cacheDir });
  const labels = Object.keys(run.predictions);
  async function* scores(): AsyncGenerator<readonly Float32Array[]> {
    for await (const batch of source.batches({ batchSize: 4096 })) {
      const predicted = await predictor.predict(batch);
      yield labels.map((label) => predicted[label]);
    }
  }
  try {
    const names = Object.values(run.predictions);
    const { cacheDir } = run.config.data;
    await writeScores({
      path: output,
      format: "parquet",
      spec: { files: [file] },
      inputs: [],
      names,
      scores: scores(),
      cacheDir,
    });
  } finally {
    await predictor.release();
    await source.close();
  }
}

/** Predictions of many runs for one file, which is encoded once for all runs of equal encoders. */
export class FilePredictions {
  readonly #file: string;
  readonly #engine: Engine;
  readonly #encoded = new Map<string, EncodedSource>();

  constructor(file: string, engine: Engine) {
    this.#file = file;
    this.#engine = engine;
  }

  /** By label, one value a row. */
  async of(run: OpenRun): Promise<{ readonly [label: string]: Float32Array }> {
    const source = await this.#encodedFor(run.map, run.config.data.cacheDir);
    const predictor = await run.load(this.#engine);
    try {
      return await predictRows(predictor, source, { batchSize: 8192 });
    } finally {
      await predictor.release();
    }
  }

  async #encodedFor(map: FeatureMap, cacheDir: string | undefined): Promise<EncodedSource> {
    const key = JSON.stringify([map.features, map.encoders, map.domain]);
    const known = this.#encoded.get(key);
    if (known !== undefined) return known;
    const source = await encodeForMap({ ...map, labels: [] }, { files: [this.#file] }, { cacheDir });
    this.#encoded.set(key, source);
    return source;
  }

  async close(): Promise<void> {
    for (const source of this.#encoded.values()) await source.close();
  }
}
