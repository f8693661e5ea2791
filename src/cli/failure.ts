/** Errors as people and programs get them: the sentence and what to do about it, no stack trace. */
import { CommanderError } from "commander";
import { ConfigError, type ErrorDetails, MillraceError } from "../core/index.ts";

export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly hint: string | null;
  readonly exitCode: number;
}

/** @param called the verb that was called, for the hint */
export function failureOf(thrown: unknown, called = "VERB"): Failure {
  const error = thrown instanceof CommanderError ? usageError(thrown, called) : thrown;
  if (error instanceof MillraceError) {
    const { name, message, details, hint = null, exitCode } = error;
    return { name, message, details, hint, exitCode };
  }
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), details: {}, hint: null, exitCode: 1 };
  }
  const { code, path } = error as NodeJS.ErrnoException;
  if (typeof code === "string" && error.message.startsWith(`${code}: `)) {
    const message = path === undefined ? error.message : `${path}: ${systemMessages[code] ?? error.message}`;
    return { name: error.name, message, details: { code, path: path ?? null }, hint: null, exitCode: 1 };
  }
  const hint = "this looks like a bug of Millrace; MILLRACE_DEBUG=1 shows where it happened";
  return { name: error.name, message: error.message, details: {}, hint, exitCode: 1 };
}

const systemMessages: { readonly [code: string]: string } = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "is a directory",
  ENOTDIR: "a part of the path is not a directory",
  ENOSPC: "no space left on the device",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
};

/** Commander's complaint as one of ours; its suggestion becomes the hint. */
function usageError({ message }: CommanderError, called: string): ConfigError {
  const [sentence, ...rest] = message.replace(/^error: /, "").split("\n");
  const suggestion = rest
    .join(" ")
    .replace(/^\((.*)\)$/, "$1")
    .trim();
  const hint =
    suggestion === "" ? `\`millrace ${called} --help\` shows how it is called` : lowerFirst(suggestion);
  return new ConfigError(sentence, { hint });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

export function failureText({ message, details, hint }: Failure): string {
  // A configuration may have several mistakes; the first one is the message.
  const problems: unknown[] = Array.isArray(details.problems) ? details.problems.slice(1) : [];
  const lines = [`error: ${message}`, ...problems.map((problem) => `also:  ${String(problem)}`)];
  if (hint !== null) lines.push(`hint: ${hint}`);
  return lines.join("\n");
}

export function failureJson({ name, message, details, hint }: Failure): object {
  return { error: { name, message, details, hint } };
}
