/** `millrace studio`: a local page over a folder of runs, until it is told to stop. */
import { ConfigError } from "../core/index.ts";
import { Studio, type StudioOptions } from "../studio/index.ts";
import { bearerToken } from "./bearer-token.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { collect, verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly port?: number;
  readonly data?: readonly string[];
  readonly serving?: string;
  readonly servingTokenFile?: string;
  readonly results?: string;
}

export const studioVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "studio",
    description:
      "Shows a folder of runs as a page of this machine's browser: what they reached and how they differ, " +
      "curves while they train, reports, claims of papers beside what recipes measured, data files, and a " +
      "running server as a funnel. It listens at loopback only; the address that it prints carries a token. " +
      "It changes files only where a button says so. Ctrl-C ends it.",
    examples: [
      ["millrace studio runs", "all runs below a folder"],
      ["millrace studio runs --data logs", "and data files of another folder"],
      [
        "millrace studio runs --serving http://127.0.0.1:8080",
        "and a server: its funnel, and requests to it",
      ],
    ],
  })
    .argument("[folder]", "a folder with runs at any depth", "runs")
    .option("--port <number>", "port to listen at (default: any free one)", port)
    .option("--data <folder>", "a further folder whose data files may be read; may be repeated", collect)
    .option("--serving <url>", "address of a running `millrace serve`")
    .option("--serving-token-file <file>", "that server's token; else MILLRACE_TOKEN")
    .option(
      "--results <folder>",
      "result files of recipes (default: results in the folder, then here, then the package's own)",
    )
    .action(async (folder: string, options: Options) => shell.finish(await show(shell, folder, options)));

async function show(shell: Shell, folder: string, options: Options): Promise<Outcome> {
  const { port: chosen, data = [], serving, servingTokenFile, results } = options;
  const settings: StudioOptions = {
    folder,
    data,
    ...(chosen === undefined ? {} : { port: chosen }),
    ...(serving === undefined
      ? {}
      : { serving: { url: address(serving), token: bearerToken(servingTokenFile) } }),
    ...(results === undefined ? {} : { results: [results] }),
    onError: (error) => shell.warn(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  };
  const studio = new Studio(settings);
  const url = await studio.listen();
  // Without the token nobody gets in, so it is said even where progress is not.
  process.stderr.write(`studio of ${folder}: ${url}\n`);
  const interrupted = shell.untilInterrupted("stopping");
  await new Promise<void>((stop) => {
    if (interrupted.aborted) stop();
    else interrupted.addEventListener("abort", () => stop(), { once: true });
  });
  await studio.close();
  return { json: { folder, url: url.replace(/\?.*/, "") }, text: "studio closed" };
}

function address(text: string): string {
  if (/^https?:\/\/[^/?#\s]+\/?$/.test(text)) return text;
  throw new ConfigError(`--serving takes the address of a server, not "${text}"`, {
    details: { received: text },
    hint: "for instance http://127.0.0.1:8080",
  });
}

function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number < 65_536) return number;
  throw new ConfigError(`a port was expected, not "${text}"`, { details: { received: text } });
}
