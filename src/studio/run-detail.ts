/** One run in full, from the files it has written; nothing here is measured anew. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ReportInput } from "../report/index.ts";
import { runFiles } from "../run/index.ts";
import type { RunDetail, RunSummary } from "./api.ts";
import { isPlainFile, jsonOf } from "./plain-file.ts";
import { shownPath } from "./shown-path.ts";

/** A report's data beyond this is not sent to the page. */
const MOST_BYTES = 32 * 2 ** 20;
/** Where the studio looks for what `millrace analyze` has found. */
export const ANALYSIS_PAGE = "analysis.html";

export function runDetail(directory: string, summary: RunSummary): RunDetail {
  const report = jsonOf(join(directory, runFiles.reportData), MOST_BYTES) as ReportInput | null | undefined;
  const metrics = jsonOf(join(directory, runFiles.metrics), MOST_BYTES) as
    | { readonly rows?: object; readonly counts?: object }
    | undefined;
  return {
    summary,
    config: jsonOf(join(directory, runFiles.config), MOST_BYTES) ?? null,
    rows: numbersOf(metrics?.rows ?? metrics?.counts),
    // Curves come from the event file, which has more of them.
    ...(report === undefined || report === null ? {} : { report: { ...report, curves: [] } }),
    hasReportPage: isPlainFile(join(directory, runFiles.report)),
    files: filesOf(directory),
    commands: commandsOf(directory, summary),
    hasAnalysis: isPlainFile(join(directory, ANALYSIS_PAGE)),
  };
}

/** Whether a run's report shows what takes its data to measure. */
export function hasPredictions(directory: string): boolean {
  const report = jsonOf(join(directory, runFiles.reportData), MOST_BYTES) as
    | { readonly calibration?: unknown; readonly retrieval?: unknown }
    | undefined;
  return [report?.calibration, report?.retrieval].some((part) => Array.isArray(part) && part.length > 0);
}

function commandsOf(directory: string, { kind, condition }: RunSummary): RunDetail["commands"] {
  const shown = shownPath(directory);
  const again = {
    purpose: "train it again",
    command: `millrace train ${join(shown, runFiles.config)} --out ${shown}-again`,
  };
  if (condition !== "finished") {
    return [{ purpose: "go on with it", command: `millrace train ${shown} --resume` }, again];
  }
  if (kind === "retrieval") {
    return [
      again,
      { purpose: "build its item index", command: `millrace index ${shown}` },
      { purpose: "make its report again", command: `millrace report ${shown} -o report.html` },
    ];
  }
  return [
    again,
    { purpose: "measure it on other data", command: `millrace evaluate ${shown} DATA` },
    { purpose: "serve it", command: `millrace serve ${shown}` },
    { purpose: "look inside", command: `millrace analyze ${shown} -o ${join(shown, ANALYSIS_PAGE)}` },
    { purpose: "make its report again", command: `millrace report ${shown} -o report.html` },
  ];
}

function filesOf(directory: string): { name: string; bytes: number }[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => ({ name, bytes: lstatSync(join(directory, name)).size }))
      .sort((a, b) => a.name.localeCompare(b.name));
  } catch {
    return [];
  }
}

function numbersOf(value: object | undefined): { [name: string]: number } {
  return Object.fromEntries(
    Object.entries(value ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
