/** Facts that reports of all kinds of runs state alike. */
import { cpus } from "node:os";
import type { ReportFacts } from "./report-input.ts";

/** A setting as a report shows it. */
export function plainValue(value: unknown): string | number {
  if (typeof value === "number" || typeof value === "string") return value;
  return Array.isArray(value) ? value.join(", ") : (JSON.stringify(value) ?? "");
}

/** Where the run is, and what the report was made on. */
export function machineFacts(directory: string, model: string): ReportFacts {
  return {
    title: "Run",
    facts: [
      { name: "directory", value: directory },
      { name: "model shown", value: model },
      { name: "machine", value: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores` },
      { name: "Node", value: process.version },
    ],
  };
}
