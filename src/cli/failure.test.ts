import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { ConfigError, DataError, InterruptedError } from "../core/index.ts";
import { failureJson, failureOf, failureText } from "./failure.ts";

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("our errors keep message, details, hint and exit code", () => {
  const failure = failureOf(
    new DataError("clicks.csv:7: no number", { details: { row: 7 }, hint: "mend it" }),
  );
  expect(failureText(failure)).toBe("error: clicks.csv:7: no number\nhint: mend it");
  expect(failureJson(failure)).toEqual({
    error: { name: "DataError", message: "clicks.csv:7: no number", details: { row: 7 }, hint: "mend it" },
  });
  expect(failure.exitCode).toBe(3);
  expect(failureOf(new InterruptedError("stopped")).exitCode).toBe(130);
});

test("further problems of a configuration are listed", () => {
  const failure = failureOf(new ConfigError("one (and 1 more)", { details: { problems: ["one", "two"] } }));
  expect(failureText(failure)).toBe("error: one (and 1 more)\nalso:  two");
});

test("usage errors carry the nearest name, or where to look", () => {
  const near = new CommanderError(
    1,
    "commander.unknownOption",
    "error: unknown option '--labl'\n(Did you mean --label?)",
  );
  expect(failureOf(near, "train")).toMatchObject({
    message: "unknown option '--labl'",
    hint: "did you mean --label?",
    exitCode: 2,
  });
  const none = new CommanderError(1, "commander.missingArgument", "error: missing required argument 'run'");
  expect(failureOf(none, "export").hint).toBe("`millrace export --help` shows how it is called");
});

test("the system's errors name the path in plain words", () => {
  const failure = failureOf(thrownBy(() => readFileSync("/nowhere/at/all")));
  expect(failureText(failure)).toBe("error: /nowhere/at/all: no such file or directory");
  expect(failure.exitCode).toBe(1);
});

test("anything else is our bug, and says how to see more", () => {
  expect(failureText(failureOf(new TypeError("x is not a function")))).toMatch(
    /^error: x is not a function\nhint: .*MILLRACE_DEBUG=1/,
  );
});
