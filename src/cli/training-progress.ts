/** Training and data events as lines and a moving bar on stderr. */
import type { DataProgress } from "../data/index.ts";
import type { TrainingEvent, TrainingListener } from "../training/index.ts";
import type { Shell } from "./shell.ts";
import { bytes, duration } from "./text-table.ts";

export function dataProgress(shell: Shell): (progress: DataProgress) => void {
  const words = { read: "reading", fit: "fitting encoders", encode: "encoding" } as const;
  return ({ stage, split, done, total }) =>
    shell.progress.update({
      label: `${words[stage]}${split === undefined ? "" : ` ${split}`}`,
      done: total === 0 ? 1 : done / total,
    });
}

/** @param name stands before every line, where several models are trained */
export function trainingProgress(shell: Shell, name?: string): TrainingListener {
  const before = name === undefined ? "" : `${name} `;
  return (event) => {
    if (event.type === "step") showStep(shell, event, before);
    else if (event.type === "memory") {
      const total = event.lines.reduce((sum, line) => sum + line.bytes, 0);
      const parts = event.lines.map((line) => `${line.what} ${bytes(line.bytes)}`);
      shell.notice(`${before}memory for weights and optimizer: ${bytes(total)} (${parts.join(", ")})`);
    } else {
      const line = eventLine(event);
      if (line !== undefined) shell.notice(`${before}${line}`);
    }
  };
}

function showStep(shell: Shell, event: Extract<TrainingEvent, { type: "step" }>, before: string): void {
  shell.progress.update({
    label: `${before}epoch ${event.epoch + 1}/${event.epochs}`,
    done: event.rows / event.epochRows,
    note: `loss ${event.loss.toFixed(4)}, ${Math.round(event.samplesPerSecond / 1000)} k rows/s`,
  });
}

function eventLine(event: Exclude<TrainingEvent, { type: "step" | "memory" }>): string | undefined {
  switch (event.type) {
    case "resumed":
      return `going on at epoch ${event.epoch + 1}, step ${event.steps}`;
    case "epoch": {
      const { epoch, trainLoss, seconds, valid, phase, stream } = event.record;
      const metrics = Object.entries(valid ?? {}).flatMap(([label, values]) =>
        ["auc", "gauc", "log_loss"].flatMap((metric) => {
          const value = values[metric];
          if (value === null || value === undefined) return [];
          return [`${Object.keys(valid ?? {}).length > 1 ? `${label} ` : ""}${metric} ${value.toFixed(4)}`];
        }),
      );
      const validation = metrics.length === 0 ? "" : `; valid ${metrics.join(", ")}`;
      const best = event.improved && valid !== undefined ? " (best so far)" : "";
      // A stream's window is measured before it is trained on.
      if (stream !== undefined) {
        const before = metrics.length === 0 ? "" : `${metrics.join(", ")} before; `;
        return `${phase}: ${before}loss ${trainLoss.toFixed(4)} in ${duration(seconds)}`;
      }
      return `epoch ${epoch + 1}: loss ${trainLoss.toFixed(4)} in ${duration(seconds)}${validation}${best}`;
    }
    case "rate":
      return `learning rate cut from ${event.from} to ${Number(event.to.toPrecision(6))}`;
    case "stopped":
      return `stopped early: ${event.reason}`;
    case "checkpoint":
      return undefined;
  }
}
