/** Labelled rows that a trained model is measured on. */
import { ConfigError } from "../core/index.ts";
import { encodeForMap } from "../data/index.ts";
import { datasetOfRun, type OpenRun } from "../run/index.ts";
import type { BatchSource } from "../schema/index.ts";
import { dataLike, historyOf } from "./data-like.ts";
import type { Shell } from "./shell.ts";
import { dataProgress } from "./training-progress.ts";

export interface OpenedSource {
  readonly source: BatchSource;
  /** Heads the column of figures. */
  readonly name: string;
  close(): Promise<void>;
}

/** A labelled data file as the run encodes it, or a split of the run's own data. @throws ConfigError when it has none */
export async function openSource(
  shell: Shell,
  { config, map, directory }: OpenRun,
  data: string | undefined,
  split: "train" | "valid" | "test",
): Promise<OpenedSource> {
  const onProgress = dataProgress(shell);
  if (data !== undefined) {
    const source = await encodeForMap(map, dataLike(config, data), {
      cacheDir: config.data.cacheDir,
      onProgress,
      labels: true,
      keep: map.labels.map(({ name }) => `true_${name}`),
      onBadRow: config.data.onBadRow,
      history: historyOf(config),
    });
    return { source, name: "data", close: () => source.close() };
  }
  const dataset = await datasetOfRun({ config, map }, { onProgress });
  const source = dataset.splits[split];
  if (source === undefined) {
    await dataset.close();
    throw new ConfigError(`the data of ${directory} has no ${split} split`, {
      details: { split, known: Object.keys(dataset.counts) },
      hint: "name another --split, or a data file",
    });
  }
  return { source, name: split, close: () => dataset.close() };
}
