import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The commit of the code that runs, `+` where files differ from it; "unknown" outside a checkout. */
export function codeCommit(): string {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", "../../src") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${changed ? "+" : ""}`;
  } catch {
    return "unknown";
  }
}
