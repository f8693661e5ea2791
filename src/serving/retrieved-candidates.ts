/**
 * Candidates from a retrieval run: the user's features through its user encoder, then the run's index. A new
 * version of the index is taken up while requests are answered.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "../core/index.ts";
import { createEngine } from "../engine/index.ts";
import {
  AllowedKeys,
  holdsRetrievalRun,
  LiveIndex,
  openRetrievalRun,
  retrievalFiles,
} from "../retrieval/index.ts";
import { createRowEncoder, type EncodedBatch, type FeatureMap, type RawRow } from "../schema/index.ts";
import type { CandidateSource, MakeCandidateSource } from "./candidate-source.ts";
import { pathIn } from "./cascade-config.ts";
import { TOWER_VECTORS, towerSource } from "./tower-source.ts";

/** How often the run is asked whether it has a newer index. */
const REFRESH_MS = 5000;

/**
 * Options: `run`, the run's directory; `user`, the raw column that the user's id goes to (default: the column of
 * the run's user feature). Further columns of the user encoder, such as a history, come from the user table or
 * the request.
 */
export const retrievedCandidates: MakeCandidateSource = async ({
  options,
  folder,
  allowed,
  onRefresh,
  loadModel,
}): Promise<CandidateSource> => {
  const { run: given, user } = options;
  if (typeof given !== "string") {
    throw new ConfigError("candidates.run: the source `retrieval` needs the directory of a retrieval run", {
      details: { key: "candidates.run", received: given },
      hint: "candidates: { source: retrieval, run: runs/tower }",
    });
  }
  const place = pathIn(folder, given);
  // Where a link leads now: users must not be encoded by one run and sought in the index of the next.
  const directory = existsSync(place) ? realpathSync(place) : place;
  if (!holdsRetrievalRun(directory)) {
    throw new ConfigError(`candidates.run: ${directory} holds no retrieval run`, {
      details: { key: "candidates.run", directory, beside: dirname(directory) },
      hint: "train one from a configuration with `task: retrieval`",
    });
  }
  const run = openRetrievalRun(directory);
  const column = userColumn(run, user);
  const engine = await createEngine("auto");
  const parts = run.towerParts("user");
  const only = allowed && new AllowedKeys(allowed);
  const encode = userEncoder(run.map, parts.columns);
  const bundle = readFileSync(join(directory, retrievalFiles.bundle));
  // Last, since what is loaded has to be let go where something fails.
  const tower = await loadModel(towerSource(parts));
  const index = await LiveIndex.open(run.indexDirectory, { engine }).catch((error: unknown) => {
    tower.release();
    throw error;
  });
  let asked = performance.now();
  let refreshed: Promise<unknown> = Promise.resolve();
  return {
    version: createHash("sha256").update(bundle).digest("hex"),
    async candidates({ user: id, features, limit, exclude, signal }) {
      if (performance.now() - asked > REFRESH_MS) {
        asked = performance.now();
        // Beside requests; where no newer one can be opened, the one in use stays.
        refreshed = index.refresh().then(
          (changed) => changed && onRefresh?.({ outcome: "swapped", version: index.version }),
          (cause: unknown) => onRefresh?.({ outcome: "failed", version: index.version, cause }),
        );
      }
      const { batch, outOfVocabulary } = encode({ ...features, [column]: id });
      const { [TOWER_VECTORS]: vector } = await tower.run(batch, signal);
      // Nobody waits for what a search would find.
      signal.throwIfAborted();
      const wanted = { k: limit, excluded: exclude, allowed: only };
      const { keys: ids, scores } = await index.search(vector, wanted);
      return { ids, scores, outOfVocabulary };
    },
    async close() {
      tower.release();
      await refreshed;
      await index.close();
    },
  };
};

interface EncodedUser {
  /** One row of those columns alone. */
  readonly batch: EncodedBatch;
  /** Values that no vocabulary knows, by feature. */
  readonly outOfVocabulary: { readonly [feature: string]: number };
}

function userEncoder(map: FeatureMap, wanted: readonly string[]): (row: RawRow) => EncodedUser {
  const encoder = createRowEncoder(map);
  const names = map.features.map(({ name }) => name).filter((name) => wanted.includes(name));
  return (row) => {
    const { counts } = encoder;
    const before = names.map((name) => counts[name].outOfVocabulary);
    const { size, columns } = encoder.encode([row]);
    const found = names.map((name, k) => [name, counts[name].outOfVocabulary - before[k]] as const);
    return {
      batch: { size, columns: Object.fromEntries(wanted.map((name) => [name, columns[name]])) },
      outOfVocabulary: Object.fromEntries(found.filter(([, count]) => count > 0)),
    };
  };
}

function userColumn({ map, config }: ReturnType<typeof openRetrievalRun>, given: unknown): string {
  if (typeof given === "string") return given;
  const feature = map.features.find(({ name }) => name === config.userFeature);
  return feature?.column ?? config.userFeature;
}
