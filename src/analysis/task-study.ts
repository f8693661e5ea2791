/**
 * What tasks do to each other in a run: gradients at its weights, the shares of updates that its training recorded,
 * what each task gains against a run of its own, and how it does on users whose feedback tells as much of one task as of
 * another.
 */
import {
  feedbackBalance,
  feedbackBins,
  type MetricValue,
  rowsInBin,
  transferGain,
} from "../evaluation/index.ts";
import { type OpenRun, readRunMetrics } from "../run/index.ts";
import { columnsOf, type BatchSource, FIRST_VALUE_ID } from "../schema/index.ts";
import { measure, predictSplit, selectRows, type TaskRecord } from "../training/index.ts";
import { type TaskGradients, taskGradients } from "./task-gradients.ts";
import type { NotApplicable, StudiedRun } from "./tool.ts";

export interface TransferGain {
  readonly task: string;
  readonly metric: string;
  /** Directory of the run that learns the task alone. */
  readonly alone: string;
  readonly gain: MetricValue;
}

/** Users by the share of the first task in their positive feedback, in training. */
export interface BalanceBin {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly auc: { readonly [task: string]: MetricValue | undefined };
}

export interface TaskStudy {
  readonly gradients: TaskGradients;
  /** Of the last measured epoch; none unless the run was trained with `multi_task.measure`. */
  readonly recorded: Pick<TaskRecord, "cosine" | "dominance"> | undefined;
  readonly transfer: readonly TransferGain[];
  /** None without a user or a training split. */
  readonly balance:
    | { readonly user: string; readonly tasks: readonly string[]; readonly bins: readonly BalanceBin[] }
    | undefined;
}

export interface TaskOptions {
  /** Runs that learn one of the tasks alone. */
  readonly alone?: readonly OpenRun[];
  /** The categorical feature that tells users apart. */
  readonly user?: string;
  /** The split on which users' feedback is counted. */
  readonly train?: BatchSource;
  /** @default "auc" */
  readonly metric?: string;
}

export async function tasksOfRun(
  studied: StudiedRun,
  { alone = [], user, train, metric = "auc" }: TaskOptions = {},
): Promise<TaskStudy | NotApplicable> {
  const { run, engine, source } = studied;
  const gradients = await taskGradients(run, engine, source);
  if ("skipped" in gradients) return gradients;
  const { history, ...metrics } = readRunMetrics(run.directory);
  const recorded = history.findLast(({ tasks }) => tasks?.cosine !== undefined)?.tasks;
  const own = (metrics.test ?? metrics.valid)?.metrics ?? {};
  return {
    gradients,
    recorded: recorded && { cosine: recorded.cosine, dominance: recorded.dominance },
    transfer: alone.flatMap((other) => transfersOf(own, other, metric)),
    balance:
      user === undefined || train === undefined
        ? undefined
        : await balanceOf(studied, gradients.tasks, user, train),
  };
}

type LabelMetrics = { readonly [label: string]: { readonly [metric: string]: MetricValue } };

function transfersOf(own: LabelMetrics, other: OpenRun, metric: string): TransferGain[] {
  const { test, valid } = readRunMetrics(other.directory);
  const measured: LabelMetrics = (test ?? valid)?.metrics ?? {};
  const tasks = Object.keys(measured).filter((task) => own[task] !== undefined);
  const missing: MetricValue = { value: null, reason: `${metric} was not measured` };
  return tasks.map((task) => ({
    task,
    metric,
    alone: other.directory,
    gain: transferGain(metric, own[task][metric] ?? missing, measured[task][metric] ?? missing),
  }));
}

async function balanceOf(
  { run, engine, source }: StudiedRun,
  tasks: readonly string[],
  user: string,
  train: BatchSource,
): Promise<TaskStudy["balance"]> {
  const [first, second] = [tasks[0], tasks[tasks.length - 1]];
  const { rows, columns } = await columnsOf(train, [user, first, second]);
  const known = Array.from({ length: rows }, (_, row) => row).filter(
    (row) => columns[user][row] >= FIRST_VALUE_ID,
  );
  const pick = (name: string): number[] => known.map((row) => columns[name][row]);
  const balance = feedbackBalance({ users: pick(user), first: pick(first), second: pick(second) });
  const users = (await columnsOf(source, [user])).columns[user];
  const predictor = await run.load(engine);
  try {
    const split = await predictSplit(predictor, source, { batchSize: 4096, schema: run.map });
    const bins = feedbackBins.map((bin): BalanceBin => {
      const inBin = rowsInBin(users, balance, bin);
      const { metrics } = measure(selectRows(split, inBin), ["auc"]);
      const auc = Object.fromEntries(tasks.map((task) => [task, metrics[task]?.auc]));
      return { from: bin[0], to: bin[1], rows: inBin.length, auc };
    });
    return { user, tasks: [first, second], bins };
  } finally {
    await predictor.release();
  }
}
