/**
 * Candidates from a retrieval run: the user's features through its user encoder, then the run's index. A new
 * version of the index is taken up while requests are answered.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError } from "../core/index.ts";
import { createEngine } from "../engine/index.ts";
import { holdsRetrievalRun, LiveIndex, openRetrievalRun, retrievalFiles } from "../retrieval/index.ts";
import { createRowEncoder } from "../schema/index.ts";
import type { CandidateSource, MakeCandidateSource } from "./candidate-source.ts";
import { pathIn } from "./cascade-config.ts";

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
  const index = await LiveIndex.open(run.indexDirectory, { engine });
  const tower = await run.tower("user", engine);
  const encoder = createRowEncoder(run.map);
  let asked = performance.now();
  let refreshed: Promise<unknown> = Promise.resolve();
  const bundle = readFileSync(join(directory, retrievalFiles.bundle));
  return {
    version: createHash("sha256").update(bundle).digest("hex"),
    async candidates({ user: id, features, limit, exclude }) {
      if (performance.now() - asked > REFRESH_MS) {
        asked = performance.now();
        // Beside requests; where no newer one can be opened, the one in use stays.
        refreshed = index.refresh().catch(() => {});
      }
      const vector = await tower.encode(encoder.encode([{ ...features, [column]: id }]));
      const { keys, scores } = await index.search(vector, {
        k: Math.min(limit, index.items),
        excluded: exclude,
      });
      return { ids: keys, scores };
    },
    async close() {
      await refreshed;
      await index.close();
      await tower.release();
    },
  };
};

function userColumn({ map, config }: ReturnType<typeof openRetrievalRun>, given: unknown): string {
  if (typeof given === "string") return given;
  const feature = map.features.find(({ name }) => name === config.userFeature);
  return feature?.column ?? config.userFeature;
}
