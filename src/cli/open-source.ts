/** Labelled rows that a trained model is measured on. */
import { ConfigError } from "../core/index.ts";
import { encodeForMap } from "../data/index.ts";
import { datasetOfRun, historyOf, type OpenRun } from "../run/index.ts";
import type { BatchSource } from "../schema/index.ts";
import { dataLike, noteRowsCountedTwice } from "./data-like.ts";
import type { Shell } from "./shell.ts";
import { dataProgress } from "./training-progress.ts";

export interface OpenedSource {
  readonly source: BatchSource;
  /** Heads the column of figures. */
  readonly name: string;
  close(): Promise<void>;
}

/** Splits of a run's own data, opened together. */
export interface OpenedSplits {
  /** @throws ConfigError when the data has no such split */
  split(name: SplitName): BatchSource;
  close(): Promise<void>;
}

type SplitName = "train" | "valid" | "test";

/** A labelled data file as the run encodes it, or a split of the run's own data. @throws ConfigError when it has none */
export async function openSource(
  shell: Shell,
  run: OpenRun,
  data: string | undefined,
  split: SplitName,
): Promise<OpenedSource> {
  if (data !== undefined) return openData(shell, run, data);
  const { split: sourceOf, close } = await openSplits(shell, run);
  try {
    return { source: sourceOf(split), name: split, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A labelled data file as the run encodes it. */
export async function openData(shell: Shell, { config, map }: OpenRun, data: string): Promise<OpenedSource> {
  const source = await encodeForMap(map, dataLike(config, data), {
    cacheDir: config.data.cacheDir,
    onProgress: dataProgress(shell),
    labels: true,
    keep: map.labels.map(({ name }) => `true_${name}`),
    onBadRow: config.data.onBadRow,
    history: historyOf(config),
  });
  noteRowsCountedTwice(shell, source);
  return { source, name: "data", close: () => source.close() };
}

export async function openSplits(shell: Shell, { config, map, directory }: OpenRun): Promise<OpenedSplits> {
  const dataset = await datasetOfRun({ config, map }, { onProgress: dataProgress(shell) });
  return {
    split: (name) => {
      const source = dataset.splits[name];
      if (source !== undefined) return source;
      throw new ConfigError(`the data of ${directory} has no ${name} split`, {
        details: { split: name, known: Object.keys(dataset.counts) },
        hint: "name another --split, or a data file",
      });
    },
    close: () => dataset.close(),
  };
}
