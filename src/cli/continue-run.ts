/** `millrace train --from RUN`: a finished run goes on with new data, window by window, in order of time. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError } from "../core/index.ts";
import { holdsRetrievalRun } from "../retrieval/index.ts";
import { type ChangeConfig, type Config, readConfig, runFiles } from "../run/index.ts";
import type { TargetKind } from "./config-target.ts";
import { absolutePath } from "./data-path.ts";

export interface ContinueOptions {
  /** Directory of the run to go on from. */
  readonly from?: string;
  /** Whether values that its vocabularies lack get rows of their own. */
  readonly grow?: boolean;
}

/** @throws ConfigError for options that need another */
export function checkContinuation(
  kind: TargetKind,
  { from, grow }: ContinueOptions,
  { label, model }: { readonly label?: string; readonly model?: string },
): void {
  if (from === undefined) {
    if (!grow) return;
    throw new ConfigError("--grow lets the vocabularies of a run grow, so it needs --from", {
      hint: "millrace train DATA --from RUN --grow",
    });
  }
  if (!existsSync(join(from, runFiles.featureMap))) {
    throw new ConfigError(`--from: ${from} holds no finished run`, {
      details: { directory: from, missing: runFiles.featureMap },
      hint: "name the directory of a run that `millrace train` finished",
    });
  }
  if (holdsRetrievalRun(from)) {
    throw new ConfigError(`--from: ${from} is a retrieval run, and only ranking runs go on with new data`, {
      details: { directory: from },
      hint: "train its configuration anew on the old and the new interactions",
    });
  }
  const given = label === undefined ? (model === undefined ? undefined : "--model") : "--label";
  if (kind !== "data" || given === undefined) return;
  throw new ConfigError(`${given}: the new data are learnt by the model and the labels of ${from}`, {
    details: { run: from },
    hint: `leave ${given} out, or write a configuration with training.streaming.start`,
  });
}

/**
 * The run's own configuration with another file of data, all of which is trained on. Whether vocabularies grow is
 * asked for each time: that the run's own grew when it was trained says nothing of the new data.
 */
export function configWithData(
  file: string,
  { from, grow = false }: ContinueOptions & { readonly from: string },
  settings: readonly string[],
): Config {
  return readConfig(join(from, runFiles.config), settings, (content) => {
    const { valid: _, test: __, split: ___, ...data } = content.data as { [key: string]: unknown };
    content.data = { ...data, train: absolutePath(file) };
    goOnFrom({ from, grow })(content);
  });
}

/** A configuration that starts from a run; what it says of its stream stays where the options do not say it. */
export function goOnFrom({ from, grow }: ContinueOptions & { readonly from: string }): ChangeConfig {
  return (content) => {
    const training = (content.training ?? {}) as { readonly streaming?: { readonly grow?: boolean } };
    content.training = {
      ...training,
      streaming: {
        ...training.streaming,
        start: resolve(from),
        grow: grow ?? training.streaming?.grow ?? false,
      },
    };
  };
}
