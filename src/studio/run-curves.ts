/**
 * Training curves of a run, followed while it goes on: what was decoded stays, and only what the event file
 * has grown by is read. A resumed run cuts its file back; then everything is read anew under another
 * generation, and the page drops what it had.
 */
import { createHash } from "node:crypto";
import { closeSync, lstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { eventFiles, type EventMessage, readEventsFrom, runFiles } from "../run/index.ts";
import type { EpochLine, RunCurves, RunSummary, Scores } from "./api.ts";
import { jsonOf } from "./plain-file.ts";

/** Of runs that are looked at again and again, those that keep their points in memory. */
const KEPT = 24;
/** Bytes before the end that must still be the same for the file to have only grown. */
const MARK_BYTES = 64;

interface Followed {
  readonly path: string;
  readonly generation: string;
  end: number;
  mark: string;
  readonly step: number[];
  readonly loss: number[];
  readonly learningRate: (number | null)[];
  readonly samplesPerSecond: (number | null)[];
}

const values = z.record(z.string(), z.record(z.string(), z.number().nullable()));
const historyFile = z.object({
  bestEpoch: z.number().nullable().optional(),
  schedule: z.object({ bestEpoch: z.number().nullable() }).optional(),
  history: z.array(
    z.object({
      epoch: z.number(),
      steps: z.number(),
      trainLoss: z.number(),
      learningRate: z.number(),
      seconds: z.number(),
      valid: values.optional(),
      phase: z.string().optional(),
    }),
  ),
});

export class CurveReader {
  readonly #followed = new Map<string, Followed>();
  #generations = 0;

  /**
   * @param from points that the page has already, of `generation`
   */
  read(
    directory: string,
    summary: RunSummary,
    { from = 0, generation }: { readonly from?: number; readonly generation?: string } = {},
  ): RunCurves {
    const followed = this.#follow(directory);
    const start = followed?.generation === generation ? Math.min(from, followed?.step.length ?? 0) : 0;
    const after = <T>(all: readonly T[] | undefined): readonly T[] => all?.slice(start) ?? [];
    return {
      generation: followed?.generation ?? "none",
      from: start,
      step: after(followed?.step),
      loss: after(followed?.loss),
      learningRate: after(followed?.learningRate),
      samplesPerSecond: after(followed?.samplesPerSecond),
      ...historyOf(directory, summary),
      monitor: monitorOf(directory),
      summary,
    };
  }

  #follow(directory: string): Followed | undefined {
    const name = eventFiles(directory).at(-1);
    if (name === undefined) return undefined;
    const path = join(directory, name);
    if (!lstatSync(path).isFile()) return undefined;
    let followed = this.#followed.get(path);
    if (followed === undefined || !hasOnlyGrown(followed)) {
      followed = {
        path,
        generation: `${process.pid}-${++this.#generations}`,
        end: 0,
        mark: "",
        step: [],
        loss: [],
        learningRate: [],
        samplesPerSecond: [],
      };
    }
    // The most recently asked for is the last.
    this.#followed.delete(path);
    this.#followed.set(path, followed);
    if (this.#followed.size > KEPT) this.#followed.delete([...this.#followed.keys()][0]);
    const { events, end } = readEventsFrom(path, followed.end);
    for (const event of events) add(followed, event);
    if (end !== followed.end) {
      followed.end = end;
      followed.mark = markBefore(path, end);
    }
    return followed;
  }
}

function add(followed: Followed, { step, values: tagged }: EventMessage): void {
  const scalar = (wanted: string): number | null => {
    const value = tagged.find(({ tag }) => tag === wanted);
    return value !== undefined && "scalar" in value && Number.isFinite(value.scalar) ? value.scalar : null;
  };
  const loss = scalar("train/loss");
  if (loss === null) return;
  followed.step.push(step);
  followed.loss.push(loss);
  followed.learningRate.push(scalar("train/learning_rate"));
  followed.samplesPerSecond.push(scalar("train/samples_per_second"));
}

function hasOnlyGrown({ path, end, mark }: Followed): boolean {
  return lstatSync(path).size >= end && markBefore(path, end) === mark;
}

/** A digest of the last bytes before a position: checksums of records are among them. */
function markBefore(path: string, end: number): string {
  const bytes = new Uint8Array(Math.min(MARK_BYTES, end));
  const file = openSync(path, "r");
  try {
    readSync(file, bytes, 0, bytes.length, end - bytes.length);
  } finally {
    closeSync(file);
  }
  return createHash("sha256").update(bytes).digest("hex");
}

/** Epochs of a finished run from its figures, of another from its checkpoint. */
function historyOf(directory: string, { condition }: RunSummary): Pick<RunCurves, "history" | "bestEpoch"> {
  const finished = condition === "finished" ? parsed(join(directory, runFiles.metrics)) : undefined;
  const found = finished ?? parsed(progressPath(directory)) ?? parsed(join(directory, runFiles.metrics));
  if (found === undefined) return { history: [], bestEpoch: null };
  const history = found.history.map(
    ({ epoch, steps, trainLoss, learningRate, seconds, valid = {}, phase }): EpochLine => ({
      epoch,
      step: steps,
      trainLoss,
      learningRate,
      seconds,
      valid: valid as { readonly [label: string]: Scores },
      ...(phase === undefined ? {} : { phase }),
    }),
  );
  return { history, bestEpoch: found.bestEpoch ?? found.schedule?.bestEpoch ?? null };
}

function progressPath(directory: string): string | undefined {
  const checkpoint = join(directory, runFiles.checkpoint);
  const pointer = jsonOf(join(checkpoint, "current.json")) as { readonly folder?: unknown } | undefined;
  const folder = pointer?.folder;
  if (typeof folder !== "string" || !/^[\w-]+$/.test(folder)) return undefined;
  return join(checkpoint, folder, "progress.json");
}

function parsed(path: string | undefined): z.output<typeof historyFile> | undefined {
  const result = historyFile.safeParse(path === undefined ? undefined : jsonOf(path));
  return result.success ? result.data : undefined;
}

function monitorOf(directory: string): string | undefined {
  const config = jsonOf(join(directory, runFiles.config)) as
    | { readonly training?: { readonly monitor?: unknown; readonly metrics?: unknown } }
    | undefined;
  const { monitor, metrics } = config?.training ?? {};
  if (typeof monitor === "string") return monitor;
  // A retrieval run's first metric decides.
  const first = Array.isArray(metrics) ? metrics[0] : undefined;
  return typeof first === "string" ? first : undefined;
}
