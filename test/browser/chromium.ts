/** Headless Chromium for tests: which program, or the reason why there is none. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why browser tests cannot run here; undefined where they can. */
export const noChromium: string | undefined = existsSync(executablePath)
  ? undefined
  : `no browser at ${executablePath} (install Chromium or set CHROMIUM)`;

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
