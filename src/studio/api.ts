/** What the studio's server tells its page, as JSON. The page imports these as types alone. */
import type { InspectReport, ValidationReport } from "../data/index.ts";
import type { ReportInput } from "../report/index.ts";
import type { RecipeResult, RunStatus, Verdict } from "../run/index.ts";

export type RunKind = "ranking" | "retrieval";

/** `broken`: its files contradict each other or cannot be read; `reason` says how. */
export type RunCondition = "training" | "finished" | "interrupted" | "failed" | "broken";

/** Values by metric; null where one is undefined. */
export interface Scores {
  readonly [metric: string]: number | null;
}

export interface RunSummary {
  /** Its path within the folder, with forward slashes; `.` for the folder itself. */
  readonly id: string;
  readonly kind: RunKind;
  readonly condition: RunCondition;
  /** Why it is broken, failed, or ended early. */
  readonly reason?: string;
  readonly model: string;
  /** Milliseconds since 1970: when its configuration and its figures were written. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Of the test split, else validation, by label. */
  readonly split: "test" | "valid" | undefined;
  readonly scores: { readonly [label: string]: Scores };
  readonly epochs: number;
  readonly steps: number;
  readonly seconds: number | undefined;
  readonly parameters: number | undefined;
  /** While it trains, and how it ended. */
  readonly status?: RunStatus;
  readonly stopRequested: boolean;
  /** Settings that are not the same in all runs of the folder, by key of the configuration. */
  readonly settings: { readonly [key: string]: string };
}

export interface RunList {
  readonly folder: string;
  readonly runs: readonly RunSummary[];
  /** Keys of `settings`, those that differ most first. */
  readonly differing: readonly string[];
  /** Folders that were not looked into, because there are more than the studio walks. */
  readonly unseen: number;
}

/** One line of a run's history. */
export interface EpochLine {
  readonly epoch: number;
  readonly step: number;
  readonly trainLoss: number;
  readonly learningRate: number;
  readonly seconds: number;
  readonly valid: { readonly [label: string]: Scores };
  readonly phase?: string;
}

/** Points from `from` on; a page that has an older generation starts anew. */
export interface RunCurves {
  readonly generation: string;
  readonly from: number;
  readonly step: readonly number[];
  readonly loss: readonly number[];
  readonly learningRate: readonly (number | null)[];
  readonly samplesPerSecond: readonly (number | null)[];
  readonly history: readonly EpochLine[];
  /** From 0. */
  readonly bestEpoch: number | null;
  readonly monitor: string | undefined;
  readonly summary: RunSummary;
}

export interface RunDetail {
  readonly summary: RunSummary;
  /** As `config.json` holds it. */
  readonly config: unknown;
  /** Rows by split, where the run says so. */
  readonly rows: { readonly [split: string]: number };
  /** What `report.html` shows; absent until it has been made. */
  readonly report?: ReportInput;
  readonly hasReportPage: boolean;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly commands: readonly { readonly purpose: string; readonly command: string }[];
  /** Whether `millrace analyze` has written its page into the run. */
  readonly hasAnalysis: boolean;
}

/** Every setting of several runs. */
export interface Comparison {
  readonly runs: readonly RunSummary[];
  readonly settings: readonly {
    readonly key: string;
    /** One a run; null where the run does not have the key. */
    readonly values: readonly (string | null)[];
    readonly differs: boolean;
  }[];
  /** What makes one page of them, where they can stand on one. */
  readonly command?: string;
  /** Why there is no command. */
  readonly apart?: string;
}

export interface Claim {
  readonly id: string;
  readonly name: string;
  readonly arxiv: string;
  readonly claim: string;
  /** Overall, where something has been measured. */
  readonly verdict: Verdict | undefined;
  readonly results: readonly RecipeResult[];
}

export interface Claims {
  readonly claims: readonly Claim[];
  /** Results of recipes that reproduce no system of the list. */
  readonly others: readonly RecipeResult[];
  /** Where result files were looked for; undefined when there is no such directory. */
  readonly directory: string | undefined;
  /** Files that are no results, with what is wrong. */
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
}

/** What the data view lists, and what it did not look at. */
export interface DataList {
  readonly entries: readonly DataEntry[];
  /** Levels of folders that are searched, and entries that are listed at most. */
  readonly limits: { readonly levels: number; readonly entries: number };
  /** Folders below those levels, which were not looked into. */
  readonly deeper: number;
  /** Whether there are more entries than are listed. */
  readonly more: boolean;
}

export interface DataEntry {
  /** Its path within the folder. */
  readonly id: string;
  readonly kind: "data" | "config" | "run";
  readonly bytes: number;
  readonly changedAt: number;
  /** What a configuration names that the studio must not read. */
  readonly outside: readonly string[];
}

export interface Inspection {
  readonly report: InspectReport;
  readonly seconds: number;
}

export interface Validation {
  readonly report: ValidationReport;
  readonly seconds: number;
}

/** A histogram's figures over the server's life. */
export interface Latency {
  readonly count: number;
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export interface FunnelStage {
  readonly name: string;
  /** Times it ran, and candidates that it was given, in all. */
  readonly runs: number;
  readonly candidates: number;
  readonly latency: Latency;
  readonly fallbacks: { readonly [reason: string]: number };
}

export interface ServiceFunnel {
  readonly name: string;
  readonly version: string;
  /** Columns that only a request can bring. */
  readonly context: readonly string[];
  /** Whether the service finds candidates itself. */
  readonly source: string;
  readonly models: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Ranking requests by status code. */
  readonly requests: { readonly [code: string]: number };
  readonly latency: Latency;
  readonly stages: readonly FunnelStage[];
  readonly unknownValues: readonly {
    readonly model: string;
    readonly feature: string;
    readonly count: number;
  }[];
}

export interface ServingView {
  readonly url: string;
  /** Why nothing could be learned from the server; the rest is empty then. */
  readonly unreachable?: string;
  readonly services: readonly ServiceFunnel[];
  readonly inFlight: number;
  readonly queuedRows: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What the page needs to know first. */
export interface StudioInfo {
  readonly folder: string;
  readonly version: string;
  /** Address of the server of `--serving`. */
  readonly serving: string | undefined;
}
