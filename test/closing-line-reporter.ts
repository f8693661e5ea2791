import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints the reasons of skipped tests and, as the very last line, `N passed, N failed, N skipped`,
 * which continuous integration reads (it does not know vitest's own summary).
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    const reasons = new Map<string, number>();
    for (const module of modules) {
      let own = 0;
      for (const test of module.children.allTests()) {
        own++;
        const result = test.result();
        if (result.state === "passed") passed++;
        else if (result.state === "failed") failed++;
        else {
          skipped++;
          const reason = (result.state === "skipped" && result.note) || `${test.fullName} (no reason given)`;
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        }
      }
      if (own === 0 && !module.ok()) failed++;
    }
    for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`);
    process.on("exit", () => console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`));
  }
}
