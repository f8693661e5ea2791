/** `millrace verify`: whether a server answers what was trained, request by request. */
import { ConfigError } from "../core/index.ts";
import type { Verification } from "../serving/index.ts";
import { verifyRun } from "../serving/index.ts";
import { bearerToken } from "./bearer-token.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { tableOption } from "./table-option.ts";
import { count } from "./text-table.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly log: string;
  readonly users?: string;
  readonly items?: string;
  readonly url?: string;
  readonly service?: string;
  readonly tokenFile?: string;
  readonly tolerance: number;
  readonly rows?: number;
  readonly engine: EngineChoice;
}

export const verifyVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "verify",
    description:
      "Compares two paths from raw requests to probabilities. The trainer's: checkpoint weights in the " +
      "training-time evaluation graph, rows encoded as training data were. The server's: the exported bundle " +
      "over HTTP, from the requests' own JSON. They share the encoders' JSON and nothing below it. Says the " +
      "largest difference and the row that has it; ends with 1 where it is beyond the tolerance.",
    examples: [
      ["millrace verify runs/first --log requests.jsonl", "rows or requests, by a server of its own"],
      [
        "millrace verify runs/first --log requests.jsonl --users users.parquet:user_id --items items.parquet:item_id",
        "requests of ids",
      ],
      ["millrace verify runs/first --log requests.jsonl --url http://127.0.0.1:8080", "a server that runs"],
    ],
  })
    .argument("<run>", "run directory, with its checkpoint")
    .requiredOption("--log <file>", "JSON lines: bodies of /rank requests with candidates, or raw rows")
    .option("--users <file:key>", "table of user features that requests of ids look up")
    .option("--items <file:key>", "table of item features, likewise")
    .option("--url <address>", "a server that runs already (default: one of its own, at loopback)")
    .option("--service <name>", "which service of --url (default: the only one)")
    .option("--token-file <file>", "bearer token for --url; else MILLRACE_TOKEN")
    .option("--tolerance <difference>", "largest difference in probability that passes", positive, 1e-5)
    .option("--rows <count>", "rows (candidates) to compare at most (default: all)", positive)
    .addOption(engineOption())
    .action(async (run: string, options: Options) => shell.finish(await verify(shell, run, options)));

async function verify(shell: Shell, run: string, options: Options): Promise<Outcome> {
  const { log, users, items, url, service, tokenFile, tolerance, rows } = options;
  if (url === undefined && service !== undefined) {
    throw new ConfigError("--service names a service of --url, which is not given");
  }
  const token = bearerToken(tokenFile);
  const verification = await verifyRun(run, {
    log,
    url,
    service,
    token: url === undefined ? undefined : token,
    users: tableOption("--users", users),
    items: tableOption("--items", items),
    tolerance,
    rows,
    engine: await openEngine(shell, options.engine),
    onProgress: (done) => shell.progress.update({ label: "comparing", done }),
  });
  const { ok } = verification;
  return {
    json: { run, log, url: url ?? null, ...verification },
    text: textOf(run, url, verification),
    exitCode: ok ? 0 : 1,
  };
}

function textOf(run: string, url: string | undefined, found: Verification): string {
  const { ok, tolerance, rows, requests, labels, mean, beyond, largest } = found;
  const { difference, label, server, trainer, line, candidate, row } = largest;
  const where = candidate === null ? `line ${line}` : `line ${line}, candidate ${candidate}`;
  const given = server === null ? "nothing" : String(server);
  const size = Number.isFinite(difference) ? difference.toExponential(2) : "no number";
  return [
    `${ok ? "equal" : "NOT EQUAL"}: ${run} as trained, and as ${url ?? "its own server"} answers`,
    `${count(rows)} rows of ${count(requests)} requests, ${labels.join(", ")}; tolerance ${tolerance}`,
    `largest difference ${size}, mean ${mean.toExponential(2)}${beyond > 0 ? `; ${count(beyond)} rows beyond the tolerance` : ""}`,
    `at ${where}, ${label}: trained ${trainer}, served ${given}`,
    `row: ${JSON.stringify(row)}`,
  ].join("\n");
}

function positive(text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new ConfigError(`a number above 0 was expected, not "${text}"`, { details: { received: text } });
}
