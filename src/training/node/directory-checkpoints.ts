/**
 * Where a run's progress is kept. A checkpoint is a folder that is written whole, then named by a
 * pointer file that is replaced atomically; so whatever byte a process dies at, the pointer names a
 * complete checkpoint or none.
 *
 *     checkpoint/current.json            { "folder": "step-000400", … }
 *     checkpoint/step-000400/progress.json, weights.safetensors
 *                                        before.safetensors, what a stream rolls back to
 *     checkpoint/best.json, best-000300/  the same for the best weights so far
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "../../core/index.ts";
import { readJson, removePath, writeFileAtomic, writeJsonAtomic } from "../../core/node/index.ts";
import { decodeSafetensors, safetensorsHeader } from "../../module/index.ts";
import type { Checkpoint, CheckpointStore, Progress } from "../checkpoint.ts";
import type { Snapshot } from "../snapshot.ts";

type Kind = "current" | "best";
const files = { weights: "weights.safetensors", before: "before.safetensors" } as const;
const prefixes: { readonly [K in Kind]: string } = { current: "step-", best: "best-" };

export class DirectoryCheckpoints implements CheckpointStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  saveCurrent(progress: Progress, weights: Snapshot, before?: Snapshot): void {
    this.#save("current", progress.steps, weights, { progress, before });
  }

  loadCurrent(): Checkpoint | undefined {
    const folder = this.#folder("current");
    if (folder === undefined) return undefined;
    const progress = readJson(join(folder, "progress.json")) as Progress;
    const weights = readWeights(folder);
    return existsSync(join(folder, files.before))
      ? { progress, weights, before: readWeights(folder, files.before) }
      : { progress, weights };
  }

  saveBest(step: number, weights: Snapshot): void {
    this.#save("best", step, weights);
  }

  loadBest(): Snapshot | undefined {
    const folder = this.#folder("best");
    return folder === undefined ? undefined : readWeights(folder);
  }

  #save(
    kind: Kind,
    step: number,
    weights: Snapshot,
    { progress, before }: { readonly progress?: Progress; readonly before?: Snapshot } = {},
  ): void {
    const previous = this.#named(kind);
    // A folder left by a killed process may hold this step's name without being complete.
    const name = `${prefixes[kind]}${String(step).padStart(9, "0")}-${freshSuffix(previous)}`;
    const folder = join(this.#directory, name);
    removePath(folder);
    writeWeights(folder, weights);
    if (before !== undefined) writeWeights(folder, before, files.before);
    if (progress !== undefined) writeJsonAtomic(join(folder, "progress.json"), progress);
    writeJsonAtomic(join(this.#directory, `${kind}.json`), { version: 1, folder: name });
    for (const entry of readdirSync(this.#directory)) {
      if (entry.startsWith(prefixes[kind]) && entry !== name) removePath(join(this.#directory, entry));
    }
  }

  /** The folder the pointer names, complete; undefined before the first save. */
  #folder(kind: Kind): string | undefined {
    const name = this.#named(kind);
    if (name === undefined) return undefined;
    const path = join(this.#directory, name);
    if (!existsSync(join(path, files.weights))) {
      const pointer = join(this.#directory, `${kind}.json`);
      throw new DataError(`${pointer} names the checkpoint ${name}, which is not there`, {
        details: { path: pointer, folder: name },
        hint: `delete ${pointer} to start anew, or put the folder back`,
      });
    }
    return path;
  }

  #named(kind: Kind): string | undefined {
    const pointer = join(this.#directory, `${kind}.json`);
    if (!existsSync(pointer)) return undefined;
    const { folder } = readJson(pointer) as { folder?: unknown };
    if (typeof folder !== "string" || !/^[\w-]+$/.test(folder)) {
      throw new DataError(`${pointer} does not name a checkpoint`, { details: { path: pointer, folder } });
    }
    return folder;
  }
}

/** Two saves of one step never share a folder: the suffix alternates. */
function freshSuffix(previous: string | undefined): "a" | "b" {
  return previous?.endsWith("-a") ? "b" : "a";
}

function writeWeights(folder: string, weights: Snapshot, file: string = files.weights): void {
  const entries = [...weights].map(([name, bytes]) => ({
    name,
    dtype: "U8" as const,
    shape: [bytes.byteLength],
  }));
  const { header, tensors } = safetensorsHeader(entries);
  const chunks = tensors.map(({ name }) => weights.get(name) as Uint8Array);
  writeFileAtomic(join(folder, file), [header, ...chunks]);
}

function readWeights(folder: string, file: string = files.weights): Snapshot {
  const path = join(folder, file);
  const { tensors } = decoded(path);
  return new Map(Object.entries(tensors).map(([name, { data }]) => [name, data as Uint8Array]));
}

function decoded(path: string): ReturnType<typeof decodeSafetensors> {
  try {
    return decodeSafetensors(readFileSync(path));
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`${path}: ${cause.message}`, {
      details: { ...cause.details, path },
      hint: "the file was changed after it was written; restore it, or remove the checkpoint to start anew",
      cause,
    });
  }
}
